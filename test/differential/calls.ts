import type { Random } from '../random.ts';
import { signaturesOf } from './signatures.ts';
import { edgeOperand } from './values.ts';

/** wasm-opt's modules count down while they loop and trap at 0; this export winds the counter up. */
const REWIND = 'hangLimitInitializer';

/**
 * Lines for --batch: every exported function `times` times with operands from the edges, and after
 * each call the memory and all exported globals.
 */
export function callsOf(wasm: Uint8Array, times: number, next: Random): string[] {
  const { functions, globals } = signaturesOf(wasm);
  const state = ['!memory', ...[...globals.keys()].map((name) => `!get ${JSON.stringify(name)}`)];
  const lines = [...state];
  for (let i = 0; i < times; i++) {
    for (const [name, { params }] of functions) {
      if (name === REWIND) continue;
      const operands = params.map((type) => edgeOperand(type, next));
      if (functions.has(REWIND)) lines.push(JSON.stringify(REWIND));
      lines.push([JSON.stringify(name), ...operands].join(' '), ...state);
    }
  }
  return lines;
}
