import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MODES } from '../../tools/emulator/mode.ts';
import { root } from '../../tools/root.ts';
import { MATRIX } from './matrix.ts';
import { MUTATIONS } from './mutations.ts';
import type { Cell, Place, Row } from './verdict.ts';

const folder = join(root, 'test/attacks');
const numbered = (letter: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
const cellsOf = (row: Row) =>
  row.ways.flatMap(({ cells }) => Object.entries(cells) as [Place, Cell][]);

/** The rows that a test file tests, with the file. */
const tested = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts'))
  .flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^testRow\('(\w+)'/gm)].map(
      ([, id = '']) => ({ id, file }),
    ),
  );

describe('the matrix', () => {
  it('has each row of the catalogue, once and in order', () => {
    const ids = [...numbered('A', 19), ...numbered('B', 32)];
    expect(MATRIX.map(({ id }) => id)).toEqual(ids);
  });

  it('has each row that is made tested, in one file of its name', () => {
    const made = MATRIX.filter(({ ways }) => ways.length > 0).map(({ id }) => id);
    expect(tested.map(({ id }) => id).sort()).toEqual([...made].sort());
    for (const { id, file } of tested) expect(file.split(/[-.]/)).toContain(id.toLowerCase());
  });

  it('tells of each row that is not made why, or what it needs that is not there', () => {
    for (const { id, ways, omitted, absent } of MATRIX) {
      if (ways.length === 0) expect(omitted ?? absent, id).toBeDefined();
    }
  });

  it('names a test for each construct that it says is absent', () => {
    for (const { id, absent } of MATRIX) {
      if (!absent) continue;
      expect(readFileSync(join(root, absent.file), 'utf8'), id).toContain(absent.test);
    }
  });

  it('has the verdicts of the catalogue in each mode, or says why not', () => {
    for (const row of MATRIX.filter(({ ways }) => ways.length > 0)) {
      MODES.forEach((mode, column) => {
        if (row.differs?.[mode] !== undefined) return;
        const cells = cellsOf(row).filter(([place]) => place === mode);
        const verdicts = new Set(cells.map(([, { verdict }]) => verdict));
        const wanted = row.catalogue[column] ?? '-';
        const none = wanted === '-' || wanted === '?';
        expect([...verdicts], `${row.id} in ${mode}`).toEqual(none ? [] : [wanted]);
      });
    }
  });

  it('has a control for each denial and each defence, and a use for each mutation', () => {
    const used = new Set<string>();
    for (const row of MATRIX) {
      for (const [place, cell] of cellsOf(row)) {
        if (cell.verdict === 'W') continue;
        expect(cell.controls.length, `${row.id} in ${place}`).toBeGreaterThan(0);
        for (const control of cell.controls) if ('mutation' in control) used.add(control.mutation);
      }
    }
    expect([...used].sort()).toEqual(Object.keys(MUTATIONS).sort());
  });

  it('is told in words, row by row, with the same verdicts', () => {
    const lines = readFileSync(join(root, 'docs/attacks.md'), 'utf8').split('\n');
    for (const { id, catalogue } of MATRIX) {
      const line = lines.find((one) => new RegExp(`^\\| ${id} +\\|`).test(one)) ?? '';
      const columns = line.split('|').map((column) => column.trim());
      expect(columns.slice(3, 3 + MODES.length), id).toEqual(catalogue);
    }
  });
});
