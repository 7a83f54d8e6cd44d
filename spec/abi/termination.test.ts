import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../tools/root.ts';
import * as Termination from './termination.ts';

const reasons = Object.entries(Termination);

describe('the reasons for which a guest ends itself', () => {
  it('each have a number of their own, of set 0 or set 7', () => {
    expect(new Set(reasons.map(([, number]) => number)).size).toBe(reasons.length);
    for (const [name, number] of reasons) expect([0, 7], name).toContain(number >> 8);
  });

  it('each have a line in docs/termination.md, and it has no others', () => {
    const text = readFileSync(join(root, 'docs/termination.md'), 'utf8');
    const lines = [...text.matchAll(/^\| (\d+), ([0-9a-f]{2})h +\| `(\w+)` *\|/gm)].map(
      ([, set, reason, name]) => [name, (Number(set) << 8) | Number.parseInt(`${reason}`, 16)],
    );
    expect(Object.fromEntries(lines)).toEqual(Object.fromEntries(reasons));
    expect(lines).toHaveLength(reasons.length);
  });
});
