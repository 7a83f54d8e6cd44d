import type { Value } from '../ir/value.ts';
import { mapNumbers } from '../lists.ts';
import { Op } from '../wasm/opcodes.ts';
import { FILL_HELPER } from './helper-vector.ts';
import { COPY_HELPER } from './helpers.ts';
import {
  type BulkData,
  DROP,
  MEMORY_COPY,
  MEMORY_FILL,
  MEMORY_INIT,
  TABLE_COPY,
  TABLE_INIT,
} from './kinds-bulk.ts';
import type { Kind } from './machine.ts';
import { RDI, RDX, RSI } from './operand.ts';
import type { Selector } from './selector.ts';
import { dataSymbol, elementSymbol, memorySymbol, tableSymbol } from './symbols.ts';
import { CALL_CLOBBERS } from './target.ts';

const KINDS: ReadonlyMap<number, Kind> = new Map([
  [Op.MEMORY_COPY, MEMORY_COPY],
  [Op.MEMORY_FILL, MEMORY_FILL],
  [Op.MEMORY_INIT, MEMORY_INIT],
  [Op.DATA_DROP, DROP],
  [Op.TABLE_INIT, TABLE_INIT],
  [Op.TABLE_COPY, TABLE_COPY],
  [Op.ELEM_DROP, DROP],
]);

/** Bytes that `rep stosb` fills as fast as a call of the routine. */
const LONG = 64;

/** Bulk memory and table instructions. */
export function selectBulk(s: Selector, value: Value): void {
  const { context } = s;
  const { op, imm, aux, args } = value;
  const length = args[2];
  const isLong = length?.op === Op.I32_CONST && length.imm >>> 0 >= LONG;
  // The routine uses vector registers, which are not the kernel's.
  const hasRoutine = s.target.baseRegister && !isLong;
  const isElement = op === Op.TABLE_INIT || op === Op.ELEM_DROP;
  const inst = s.inst(KINDS.get(op) as Kind);
  inst.uses = mapNumbers(args, (arg) => s.anyUse(arg));
  inst.useHints = [RDI, RSI, RDX];
  inst.clobbers = CALL_CLOBBERS;
  inst.data = {
    memory: s.target.baseRegister ? memorySymbol(context) : undefined,
    segment: isElement ? elementSymbol(context, imm) : dataSymbol(context, imm),
    to: tableSymbol(context, op === Op.TABLE_INIT ? aux : imm),
    from: tableSymbol(context, aux),
    copy: `${context.instance}!${COPY_HELPER}`,
    fill: hasRoutine ? `${context.instance}!${FILL_HELPER}` : undefined,
  } satisfies BulkData;
  s.emit(inst);
}
