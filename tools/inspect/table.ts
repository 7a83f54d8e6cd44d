import Table from 'cli-table3';

export type Align = 'left' | 'right';

const borders =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right ' +
  'left left-mid mid mid-mid right right-mid';
const noBorders = Object.fromEntries(borders.split(' ').map((name) => [name, '']));

/** Columns of text under their heads, for a terminal: no lines, no colours, no spaces at the end. */
export function formatTable(
  head: readonly string[],
  aligns: readonly Align[],
  rows: readonly (readonly string[])[],
): string {
  const drawn = new Table({
    head: [...head],
    colAligns: [...aligns],
    chars: { ...noBorders, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
