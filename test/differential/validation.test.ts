import { describe, expect, it } from 'vitest';
import { compile } from '../../tools/compiler/compile.ts';
import { UserError } from '../../tools/errors.ts';
import { chosenSeed, type Random, random } from '../random.ts';
import { witness } from '../witness.ts';
import { generateModule } from './generate.ts';

const wasmOpt = witness('wasm-opt');
const first = chosenSeed();
const MODULES = 5;
const MUTANTS = 80;
/** Larger ones take long to compile, and say no more. */
const LARGEST = 8_000;

describe(`modules with wrong bytes, TACIT_SEED=${first} (wasm-opt)`, () => {
  it.skipIf(!wasmOpt)('are refused where V8 refuses them, and only there', () => {
    let refused = 0;
    let modules = 0;
    for (let seed = first; modules < MODULES; seed = (seed + 1) >>> 0) {
      const module = generateModule(wasmOpt ?? '', seed);
      if (module.length > LARGEST) continue;
      modules += 1;
      const next = random(seed);
      for (let k = 0; k < MUTANTS; k++) {
        const bytes = mutant(module, next);
        const valid = WebAssembly.validate(bytes);
        const complaint = complaintAbout(bytes);
        if (!valid) refused += 1;
        // V8 takes features that we refuse by name.
        if (complaint?.startsWith('unsupported: ')) continue;
        const outcome = complaint ?? 'compiled';
        expect(complaint === undefined, `${next.seed}, mutant ${k}: ${outcome}`).toBe(valid);
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});

/** A copy with one or two bytes changed, none of them in the preamble. */
function mutant(module: Uint8Array, next: Random): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(module);
  for (let n = next() % 2; n >= 0; n--) {
    const at = 8 + (next() % (bytes.length - 8));
    const byte = bytes[at] ?? 0;
    bytes[at] = next() % 2 === 0 ? next() : byte ^ (1 << (next() & 7));
  }
  return bytes;
}

/** What the compiler refuses a module with; undefined if it does not. Anything but a refusal is a bug. */
function complaintAbout(wasm: Uint8Array): string | undefined {
  try {
    compile(wasm, {
      instance: 'mutant',
      mode: 'basereg',
      bind: () => ({ kind: 'symbol', symbol: 'host' }),
    });
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}
