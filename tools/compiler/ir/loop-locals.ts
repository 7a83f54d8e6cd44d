import { InstructionReader } from '../wasm/instructions.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';

/** For each loop, by the offset of its opcode, the locals that are assigned in it, ascending. */
export function localsAssignedInLoops(
  bytes: Uint8Array,
  body: FunctionBody,
): ReadonlyMap<number, readonly number[]> {
  const loops = new Map<number, readonly number[]>();
  if (!body.facts.hasLoops) return loops;
  const reader = new InstructionReader(bytes, body.start, body.end);
  const open: { offset: number; locals: Set<number> | undefined }[] = [];
  const inLoops: Set<number>[] = [];
  while (!reader.atEnd) {
    reader.next();
    const { op, offset } = reader;
    if (op === Op.BLOCK || op === Op.IF) {
      open.push({ offset, locals: undefined });
    } else if (op === Op.LOOP) {
      const locals = new Set<number>();
      open.push({ offset, locals });
      inLoops.push(locals);
    } else if (op === Op.LOCAL_SET || op === Op.LOCAL_TEE) {
      inLoops.at(-1)?.add(reader.a);
    } else if (op === Op.END) {
      const closed = open.pop();
      if (!closed?.locals) continue;
      inLoops.pop();
      const outer = inLoops.at(-1);
      if (outer) for (const local of closed.locals) outer.add(local);
      loops.set(
        closed.offset,
        [...closed.locals].sort((a, b) => a - b),
      );
    }
  }
  return loops;
}
