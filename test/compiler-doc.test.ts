import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeExecutable } from '../tools/compiler/linux/executable.ts';
import { compileRuntime } from '../tools/compiler/linux/runtime.ts';
import { root } from '../tools/root.ts';
import { wat } from './wat.ts';

const file = join(root, 'docs/compiler.md');
const PRINTOUT = /```text\n(; hash after (\w+)\n[\s\S]*?)```/g;

/** What the tool says now of the module that the document shows. */
async function compileShown(text: string) {
  const [, module = ''] = /```wat\n([\s\S]*?)```/.exec(text) ?? [];
  const printed = new Map<string, string>();
  const times = new Map<string, number>();
  const print = {
    wants: (_pass: string, name: string) => name === 'hash',
    text: (pass: string, name: string, result: string) =>
      printed.set(pass, `; ${name} after ${pass}\n${result.trimEnd()}\n`),
  };
  const runtime = await compileRuntime();
  makeExecutable({ wasm: wat(module) }, [], runtime, 'x86-64-v3', undefined, { print, times });
  return { printed, passes: [...times.keys()] };
}

const written = readFileSync(file, 'utf8');
const { printed, passes } = await compileShown(written);
const current = written.replace(PRINTOUT, (_, shown: string, pass: string) => {
  return `\`\`\`text\n${printed.get(pass) ?? shown}\`\`\``;
});
// TACIT_UPDATE=1, as `make docs` sets it, brings the document up to date.
if (process.env.TACIT_UPDATE === '1' && current !== written) writeFileSync(file, current);

describe('docs/compiler.md', () => {
  const text = readFileSync(file, 'utf8');
  const shown = [...text.matchAll(PRINTOUT)].map(([, block, pass]) => ({ block, pass }));

  it.each(shown)('shows what the tool prints after $pass', ({ block, pass }) => {
    expect(block).toBe(printed.get(pass as string));
  });

  it('shows a function from its first form to its machine code', () => {
    const order = shown.map(({ pass }) => passes.indexOf(pass as string));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(shown[0]?.pass).toBe('build');
    expect(shown.at(-1)?.pass).toBe('object');
  });

  it('names every pass, in the order in which they run', () => {
    expect([...text.matchAll(/^\| `(\w+)` +\| \[/gm)].map(([, name]) => name)).toEqual(passes);
  });
});
