import { PAGE } from './core-file.ts';
import type { Dump, Kind } from './dump.ts';
import { formatCount, formatEntropy, formatGpa, formatSize } from './format.ts';
import { type Markup, markup } from './markup.ts';
import type { Scan } from './scan.ts';
import { type KindSummary, kindNames, regions, summarize } from './summary.ts';

/** Rows of the long tables; `--json` has all. */
const ROWS_MAX = 200;

/** What came of the search, in a sentence each; nothing if nothing was looked for. */
export function answers({ counts }: Scan): Markup[] {
  return [...counts].map(([text, count]) =>
    count === 0
      ? markup`<p class="answer none">“${text}” is nowhere in what the host reads.</p>`
      : markup`<p class="answer">“${text}” is readable by the host in ${formatCount(count, 'place')}.</p>`,
  );
}

/** Pages by state: the legend of the pictures too. */
export function stateTable(dump: Dump, scan: Scan): Markup {
  const rows = summarize(dump, scan).map(
    (row) => markup`<tr><td>${stateCell(row.kind)}</td><td class="number">${row.pages}</td>
<td class="number">${formatSize(row.pages * PAGE)}</td>${entropyCells(row)}</tr>`,
  );
  return markup`<div class="scroll"><table>
<tr><th>State</th><th class="number">Pages</th><th class="number">Size</th>${entropyHeads}</tr>
${rows}</table></div>`;
}

/** The pages that the host may read, and what it finds there. */
export function sharedTable({ shared }: Scan): Markup {
  if (shared.length === 0) return markup`<h2>Shared pages</h2><p>None.</p>`;
  const rows = shared.slice(0, ROWS_MAX).map(
    ({ gpa, pages, entropy, what }) => markup`<tr><td class="mono">${formatGpa(gpa)}</td>
<td class="number">${pages}</td><td class="number">${formatEntropy(entropy)}</td>
<td class="wide">${what || 'zeros'}</td></tr>`,
  );
  return markup`<h2>Shared pages</h2>
<p>What the guest gave to the host, or the host wrote itself, and what the bytes there are.</p>
<div class="scroll"><table><tr><th>Address</th><th class="number">Pages</th>
<th class="number">Bits per byte</th><th>What the host reads there</th></tr>
${rows}</table></div>${rest(shared.length)}`;
}

/** Where the texts were found; nothing if none was. */
export function hitTable({ hits, counts }: Scan): Markup {
  if (hits.length === 0) return markup``;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const rows = hits.slice(0, ROWS_MAX).map(
    ({ gpa, kind, text }) => markup`<tr><td class="mono">${formatGpa(gpa)}</td>
<td>${stateCell(kind)}</td><td class="wide">${text}</td></tr>`,
  );
  return markup`<h2>Found</h2><div class="scroll"><table>
<tr><th>Address</th><th>State</th><th>Text</th></tr>${rows}</table></div>${rest(total)}`;
}

/** Memory from its first page to its last, a row for each run of one state. */
export function regionTable(dump: Dump, scan: Scan): Markup {
  const all = regions(dump, scan);
  const rows = all.slice(0, ROWS_MAX).map(
    (
      region,
    ) => markup`<tr><td class="mono">${formatGpa(region.gpa)} – ${formatGpa(region.gpa + region.pages * PAGE - 1)}</td>
<td>${stateCell(region.kind)}</td><td class="number">${region.pages}</td>${entropyCells(region)}</tr>`,
  );
  return markup`<h2>All of memory</h2><div class="scroll"><table>
<tr><th>Addresses</th><th>State</th><th class="number">Pages</th>${entropyHeads}</tr>
${rows}</table></div>${rest(all.length)}`;
}

const entropyHeads = markup`<th class="number">Bits per byte, least</th>
<th class="number">mean</th><th class="number">most</th>`;

function entropyCells({ entropy }: KindSummary): Markup {
  return markup`<td class="number">${formatEntropy(entropy.least)}</td>
<td class="number">${formatEntropy(entropy.mean)}</td>
<td class="number">${formatEntropy(entropy.most)}</td>`;
}

function stateCell(kind: Kind): Markup {
  return markup`<span class="swatch ${kind}"></span>${kindNames[kind]}`;
}

function rest(total: number): Markup {
  if (total <= ROWS_MAX) return markup``;
  return markup`<p>… and ${total - ROWS_MAX} more; <code>inspect --json</code> lists them.</p>`;
}
