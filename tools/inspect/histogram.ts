import { scaleLinear, scaleSymlog } from 'd3-scale';
import type { PageInfo } from './cells.ts';
import { type Kind, kinds } from './dump.ts';
import { type Markup, markup } from './markup.ts';
import { kindNames } from './summary.ts';

const BINS = 32;
const WIDTH = 560;
const HEIGHT = 64;
const MARGIN = { left: 128, right: 8, top: 18, bottom: 14 };

/**
 * How many pages have which entropy: a row for each kind that has pages, all on one scale. Counts
 * are logarithmic, so that a single page stays visible beside ten thousand.
 */
export function entropyHistogram(pages: Iterable<PageInfo>): Markup {
  const counts = new Map<Kind, number[]>();
  for (const { kind, entropy } of pages) {
    const bins = counts.get(kind) ?? Array.from({ length: BINS }, () => 0);
    const bin = Math.min(BINS - 1, Math.floor((entropy / 8) * BINS));
    bins[bin] = (bins[bin] ?? 0) + 1;
    counts.set(kind, bins);
  }
  const present = kinds.filter((kind) => counts.has(kind));
  const most = Math.max(1, ...[...counts.values()].flat());
  const height = present.length * HEIGHT + 30;
  return markup`<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img"
 aria-label="Pages by entropy, a row for each state">
${present.map((kind, i) => row(kind, counts.get(kind) ?? [], most, i * HEIGHT))}
${axis(present.length * HEIGHT)}
</svg>`;
}

const x = scaleLinear([0, 8], [MARGIN.left, WIDTH - MARGIN.right]);

function row(kind: Kind, bins: readonly number[], most: number, top: number): Markup {
  const y = scaleSymlog([0, most], [0, HEIGHT - MARGIN.top - MARGIN.bottom]);
  const base = top + HEIGHT - MARGIN.bottom;
  const step = x(8 / BINS) - x(0);
  const bars = bins.flatMap((count, i) => {
    if (count === 0) return [];
    const height = Math.max(2, y(count));
    const left = x((i * 8) / BINS) + 0.5;
    const title = `${count} pages of ${(i * 8) / BINS} to ${((i + 1) * 8) / BINS} bits per byte`;
    return [
      markup`<rect class="${kind}" x="${left}" y="${base - height}" width="${step - 1}" height="${height}"><title>${title}</title></rect>`,
      markup`<text class="count" x="${left + step / 2}" y="${base - height - 3}">${isPeak(bins, i) ? count : ''}</text>`,
    ];
  });
  return markup`<g>
<text class="name" x="${MARGIN.left - 10}" y="${base}">${kindNames[kind]}</text>
<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${base + 0.5}" y2="${base + 0.5}"/>
${bars}</g>`;
}

/** Numbers stand over peaks only; between neighbours there is no room for them. */
function isPeak(bins: readonly number[], i: number): boolean {
  const around = [i - 2, i - 1, i + 1, i + 2].map((j) => bins[j] ?? 0);
  return around.every((count, j) => (j < 2 ? count < (bins[i] ?? 0) : count <= (bins[i] ?? 0)));
}

function axis(top: number): Markup {
  const ticks = x
    .ticks(8)
    .map((bits) => markup`<text class="tick" x="${x(bits)}" y="${top + 6}">${bits}</text>`);
  return markup`<g>${ticks}
<text class="tick" x="${(x(0) + x(8)) / 2}" y="${top + 24}">bits of entropy per byte</text></g>`;
}
