import type { Band, Cell } from './cells.ts';
import { PAGE } from './core-file.ts';
import { formatCount, formatEntropy, formatGpa } from './format.ts';
import { type Markup, markup } from './markup.ts';
import { entropyClass } from './palette.ts';
import { kindNames } from './summary.ts';

export interface MapOptions {
  readonly label: string;
  readonly columns: number;
  /** What a cell is painted by. */
  readonly by: 'state' | 'entropy';
  /** Width and height of a cell, in the picture's own units. */
  readonly cell: number;
}

/** Room for an address at the left of a row. */
const MARGIN = 84;
/** An address takes up this much height. */
const LABEL_HEIGHT = 14;
const BAND_GAP = 6;
/** Beyond this many rectangles none of them says what it is when pointed at. */
const TITLES_MAX = 8000;

/**
 * Memory as rows of cells, the lowest address at the top left. Equal neighbours in a row are one
 * rectangle. Rings mark cells in which a text was found.
 */
export function memoryMap(bands: readonly Band[], options: MapOptions): Markup {
  const { columns, cell, label } = options;
  const rows = place(bands, columns, cell);
  const width = MARGIN + columns * cell;
  const height = Math.max(LABEL_HEIGHT, ...rows.map(({ y }) => y + cell)) + 4;
  const spans = rows.flatMap((row) => rowSpans(row, options));
  const titled = spans.length <= TITLES_MAX;
  return markup`<svg class="map" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<g shape-rendering="crispEdges">${spans.map((span) => rectangle(span, cell, titled))}</g>
<g class="gpa">${addresses(rows, cell)}</g>
<g>${rings(rows, cell)}</g>
</svg>`;
}

interface Row {
  readonly y: number;
  readonly cells: readonly Cell[];
  /** Whether memory does not go on from the row before. */
  readonly first: boolean;
}

function place(bands: readonly Band[], columns: number, cell: number): Row[] {
  const rows: Row[] = [];
  let y = 4;
  for (const band of bands) {
    for (let at = 0; at < band.length; at += columns) {
      rows.push({ y, cells: band.slice(at, at + columns), first: at === 0 });
      y += cell;
    }
    y += BAND_GAP;
  }
  return rows;
}

interface Span {
  readonly x: number;
  readonly y: number;
  readonly cells: Cell[];
  readonly paint: string;
}

function rowSpans({ y, cells }: Row, { by, cell }: MapOptions): Span[] {
  const spans: Span[] = [];
  cells.forEach((each, i) => {
    const paint = by === 'state' ? each.kind : entropyClass(each.entropy);
    const last = spans.at(-1);
    if (last?.paint === paint) last.cells.push(each);
    else spans.push({ x: MARGIN + i * cell, y, cells: [each], paint });
  });
  return spans;
}

function rectangle({ x, y, cells, paint }: Span, cell: number, titled: boolean): Markup {
  const width = cells.length * cell;
  const title = titled ? markup`<title>${describe(cells)}</title>` : markup``;
  return markup`<rect class="${paint}" x="${x}" y="${y}" width="${width}" height="${cell}">${title}</rect>`;
}

function describe(cells: readonly Cell[]): string {
  const first = cells[0] as Cell;
  const last = cells.at(-1) as Cell;
  const pages = cells.reduce((sum, cell) => sum + cell.pages, 0);
  const end = last.gpa + last.pages * PAGE - 1;
  const states = [...new Set(cells.map(({ kind }) => kindNames[kind]))].join('; ');
  const mean = cells.reduce((sum, cell) => sum + cell.entropy * cell.pages, 0) / pages;
  const where = `${formatGpa(first.gpa)} – ${formatGpa(end)}, ${formatCount(pages, 'page')}`;
  return `${where}\n${states}\n${formatEntropy(mean)} bits per byte`;
}

/** Addresses beside the first row of each band, and beside rows at a round distance. */
function addresses(rows: readonly Row[], cell: number): Markup[] {
  const rowSize = Math.max(...rows.map(({ cells }) => (cells.at(-1)?.gpa ?? 0) - gpaOf(cells))) + 1;
  let distance = PAGE;
  while ((distance / rowSize) * cell < 2 * LABEL_HEIGHT) distance *= 2;
  let free = 0;
  return rows.flatMap(({ y, cells, first }) => {
    const gpa = gpaOf(cells);
    if (y < free || (!first && gpa % distance !== 0)) return [];
    free = y + LABEL_HEIGHT;
    return [markup`<text x="${MARGIN - 8}" y="${y + 8}">${formatGpa(gpa)}</text>`];
  });
}

function gpaOf(cells: readonly Cell[]): number {
  return cells[0]?.gpa ?? 0;
}

function rings(rows: readonly Row[], cell: number): Markup[] {
  return rows.flatMap(({ y, cells }) =>
    cells.flatMap(({ hit }, i) => {
      if (!hit) return [];
      const x = MARGIN + (i + 0.5) * cell;
      const ring = (style: string) =>
        markup`<circle class="${style}" cx="${x}" cy="${y + cell / 2}" r="${Math.max(6, cell)}"/>`;
      return [ring('halo'), ring('mark')];
    }),
  );
}
