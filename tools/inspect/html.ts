import { bands, closeUp, type PageInfo, pageInfos } from './cells.ts';
import { PAGE } from './core-file.ts';
import { type Dump, kinds } from './dump.ts';
import { formatCount, formatSize } from './format.ts';
import { entropyHistogram } from './histogram.ts';
import { memoryMap } from './map.ts';
import { Markup, markup } from './markup.ts';
import { ENTROPY_STEPS } from './palette.ts';
import type { Scan } from './scan.ts';
import { styleSheet } from './style.ts';
import { kindNames } from './summary.ts';
import { answers, hitTable, regionTable, sharedTable, stateTable } from './tables.ts';

/** The whole map: cells of a larger memory stand for more pages each. */
const MAP = { columns: 128, cell: 4 } as const;
const CELLS_MAX = 128 * 192;
/** The close-up: a page a cell. */
const CLOSE_UP = { columns: 64, cell: 8 } as const;

/** The page that `inspect --html` writes: all in one file, without scripts, readable offline. */
export function htmlReport(name: string, dump: Dump, scan: Scan): string {
  const pages = [...pageInfos(dump, scan)];
  const size = `${formatSize(dump.pages * PAGE)} in ${formatCount(dump.pages, 'page')} of 4 KiB`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${name}: memory as the host reads it</title>
<style>${new Markup(styleSheet)}</style>
</head>
<body><main>
<h1>${name}</h1>
<p>Guest memory as the hypervisor reads it. Mode ${dump.mode}, ${size}.</p>
${answers(scan)}
${stateTable(dump, scan)}
${wholeMap(pages)}
${closeUpMap(pages)}
<h2>Pages by entropy</h2>
<p>Encrypted memory looks random: a page of it has about 7.955 bits per byte. Text and machine code
have 3 to 6, a page of zeros none. Bars are on a logarithmic scale.</p>
<figure>${entropyHistogram(pages)}</figure>
${sharedTable(scan)}
${hitTable(scan)}
${regionTable(dump, scan)}
</main></body>
</html>
`.text;
}

function wholeMap(pages: readonly PageInfo[]): Markup {
  let pagesPerCell = 1;
  while (pages.length / pagesPerCell > CELLS_MAX) pagesPerCell *= 2;
  const cell = formatSize(pagesPerCell * PAGE);
  const coarse =
    pagesPerCell === 1
      ? ''
      : ' It is painted as the most telling of its pages (shared before unvalidated before private), and with their mean entropy.';
  return markup`<h2>Memory</h2>
<p>Address 0 is at the top left; a row is ${formatSize(MAP.columns * pagesPerCell * PAGE)}, a cell ${cell}.${coarse}</p>
${pictures(pages, pagesPerCell, MAP)}`;
}

function closeUpMap(pages: readonly PageInfo[]): Markup {
  const close = closeUp(pages);
  if (close.length === 0) return markup``;
  return markup`<h2>Where there is something to see</h2>
<p>The same pages, larger: those that hold anything or stand out, with their neighbours. A row is
${formatSize(CLOSE_UP.columns * PAGE)}, a cell one page. Untouched pages further off are left out.</p>
${pictures(close, 1, CLOSE_UP)}`;
}

function pictures(
  pages: readonly PageInfo[],
  pagesPerCell: number,
  size: { readonly columns: number; readonly cell: number },
): Markup {
  const cells = bands(pages, pagesPerCell);
  const picture = (by: 'state' | 'entropy') =>
    memoryMap(cells, { ...size, by, label: `Memory by ${by}` });
  const hit = pages.some((page) => page.hit)
    ? markup`<li><span class="ring"></span>text found</li>`
    : markup``;
  const present = kinds.filter((kind) => pages.some((page) => page.kind === kind));
  const states = present.map(
    (kind) => markup`<li><span class="swatch ${kind}"></span>${kindNames[kind]}</li>`,
  );
  const ramp = Array.from({ length: ENTROPY_STEPS }, (_, i) => markup`<span class="e${i}"></span>`);
  return markup`<div class="maps">
<figure><figcaption>By state</figcaption>${picture('state')}
<ul class="legend">${states}${hit}</ul></figure>
<figure><figcaption>By entropy</figcaption>${picture('entropy')}
<ul class="legend"><li><span class="swatch flat"></span>one value (zeros)</li>
<li>0<span class="ramp">${ramp}</span>8 bits per byte</li>${hit}</ul></figure>
</div>`;
}
