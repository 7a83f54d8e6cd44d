import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, describe as suite } from 'vitest';
import { root } from '../root.ts';
import { describe, panic } from './termination.ts';

suite('a guest that ends itself', () => {
  const text = readFileSync(join(root, 'docs/termination.md'), 'utf8');
  const documented = [...text.matchAll(/^\| (\d), ([0-9a-f]{2})h +\| `(\w+)`/gm)];

  it('is told by the name that docs/termination.md has for its reason', () => {
    expect(documented.length).toBeGreaterThan(50);
    for (const [, set, reason = '', name] of documented) {
      const number = Number.parseInt(reason, 16);
      const words = `panic: set ${set} reason 0x${number.toString(16)} ${name}`;
      expect(describe(panic(Number(set), number))).toBe(words);
    }
  });

  it('has no name where the reason is another vendor’s', () => {
    expect(describe(panic(1, 2))).toBe('panic: set 1 reason 0x2 UNKNOWN');
  });
});
