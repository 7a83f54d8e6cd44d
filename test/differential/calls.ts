import type { Random } from '../random.ts';
import { signaturesOf } from './signatures.ts';
import { edgeOperand } from './values.ts';

/** wasm-opt's modules count down while they loop and trap at 0; this export winds the counter up. */
const REWIND = 'hangLimitInitializer';

/**
 * A memory has a mebibyte, and its hash costs more than a call; what a call leaves wrong in it mostly
 * stays wrong.
 */
const CALLS_TO_A_HASH = 10;

/**
 * Lines for --batch: every exported function `times` times with operands from the edges, after each
 * call all exported globals, and after some of them and at the end the memory, by the line `memory`.
 */
export function callsOf(
  wasm: Uint8Array,
  times: number,
  next: Random,
  memory = '!memory',
): string[] {
  const { functions, globals } = signaturesOf(wasm);
  const state = [...globals.keys()].map((name) => `!get ${JSON.stringify(name)}`);
  const lines = [memory, ...state];
  let calls = 0;
  for (let i = 0; i < times; i++) {
    for (const [name, { params }] of functions) {
      if (name === REWIND) continue;
      const operands = params.map((type) => edgeOperand(type, next));
      if (functions.has(REWIND)) lines.push(JSON.stringify(REWIND));
      lines.push([JSON.stringify(name), ...operands].join(' '), ...state);
      calls += 1;
      if (calls % CALLS_TO_A_HASH === 0) lines.push(memory);
    }
  }
  return [...lines, memory];
}
