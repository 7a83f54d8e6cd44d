import { ATOMIC_INSTRUCTIONS } from '../../tools/compiler/wasm/atomics.ts';
import { decode } from '../../tools/compiler/wasm/decode.ts';
import { InstructionReader } from '../../tools/compiler/wasm/instructions.ts';
import type { Module } from '../../tools/compiler/wasm/module.ts';
import { Op, opcodeName } from '../../tools/compiler/wasm/opcodes.ts';
import { VECTOR_INSTRUCTIONS } from '../../tools/compiler/wasm/simd.ts';

/** Every instruction that the compiler knows, by its number. */
export const INSTRUCTIONS: ReadonlyMap<number, string> = new Map([
  ...Object.values(Op).map((op) => [op, opcodeName(op)] as const),
  ...[...VECTOR_INSTRUCTIONS, ...ATOMIC_INSTRUCTIONS].map(([op, { name }]) => [op, name] as const),
]);

/** The instructions of a module's exports `names`, and of all functions that these may call. */
export function instructionsOf(wasm: Uint8Array, names: ReadonlySet<string>): Set<number> {
  const module = decode(wasm);
  const functions = new Set(
    module.exports.flatMap(({ name, kind, index }) =>
      kind === 'function' && names.has(name) ? [index] : [],
    ),
  );
  const found = new Set<number>();
  // A set's iteration comes to what is added meanwhile.
  for (const index of functions) {
    for (const { op, a } of instructionsIn(module, index)) {
      found.add(op);
      if (op === Op.CALL || op === Op.RETURN_CALL || op === Op.REF_FUNC) functions.add(a);
      if (op === Op.CALL_INDIRECT || op === Op.RETURN_CALL_INDIRECT) {
        for (const callee of tabled(module)) functions.add(callee);
      }
    }
  }
  return found;
}

function* instructionsIn({ bytes, functions }: Module, index: number) {
  const body = functions[index]?.body;
  if (!body) return;
  const reader = new InstructionReader(bytes, body.start, body.end);
  while (!reader.atEnd) {
    reader.next();
    yield { op: reader.op, a: reader.a };
  }
}

function tabled({ elements }: Module): number[] {
  return elements.flatMap(({ items }) =>
    items.flatMap((item) => (item.kind === 'function' ? [item.index] : [])),
  );
}
