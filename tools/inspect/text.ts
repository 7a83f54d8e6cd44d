import { PAGE } from './core-file.ts';
import type { Dump } from './dump.ts';
import { formatCount, formatEntropy, formatGpa, formatSize } from './format.ts';
import type { Scan } from './scan.ts';
import { kindNames, summarize } from './summary.ts';
import { type Align, formatTable } from './table.ts';

/** Rows of a list that may be long; `--json` has all. */
const ROWS_MAX = 40;

/** What `inspect` prints: pages by state, what the shared ones hold, and where the texts are. */
export function textReport(name: string, dump: Dump, scan: Scan): string {
  const size = formatSize(dump.pages * PAGE);
  const head = `${name}: mode ${dump.mode}, ${size} in ${formatCount(dump.pages, 'page')}`;
  return [head, states(dump, scan), shared(scan), hits(scan)].filter(Boolean).join('\n\n');
}

function states(dump: Dump, scan: Scan): string {
  const rows = summarize(dump, scan).map(({ kind, pages, entropy }) => [
    kindNames[kind],
    String(pages),
    formatSize(pages * PAGE),
    formatEntropy(entropy.least),
    formatEntropy(entropy.mean),
    formatEntropy(entropy.most),
  ]);
  const head = ['STATE', 'PAGES', 'SIZE', 'BITS/BYTE least', 'mean', 'most'];
  return formatTable(head, ['left', 'right', 'right', 'right', 'right', 'right'], rows);
}

function shared(scan: Scan): string {
  if (scan.shared.length === 0) return '';
  const rows = scan.shared.map(({ gpa, pages, entropy, what }) => [
    formatGpa(gpa),
    String(pages),
    formatEntropy(entropy),
    what || 'zeros',
  ]);
  const head = ['SHARED AT', 'PAGES', 'BITS/BYTE', 'WHAT THE HOST READS THERE'];
  return list(head, ['left', 'right', 'right', 'left'], rows, scan.shared.length);
}

function hits(scan: Scan): string {
  if (scan.counts.size === 0) return '';
  const total = [...scan.counts.values()].reduce((sum, count) => sum + count, 0);
  const absent = [...scan.counts].filter(([, count]) => count === 0);
  const rows = scan.hits.map(({ text, gpa, kind }) => [
    formatGpa(gpa),
    kindNames[kind],
    JSON.stringify(text),
  ]);
  const found = list(['FOUND AT', 'STATE', 'TEXT'], ['left', 'left', 'left'], rows, total);
  const missing = absent.map(([text]) => `not found: ${JSON.stringify(text)}`);
  return [...(total > 0 ? [found] : []), ...missing].join('\n');
}

function list(head: string[], aligns: Align[], rows: string[][], total: number): string {
  const shown = rows.slice(0, ROWS_MAX);
  const rest = total - shown.length;
  const text = formatTable(head, aligns, shown);
  return rest > 0 ? `${text}\n… and ${rest} more (--json lists them)` : text;
}
