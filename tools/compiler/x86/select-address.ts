import { upperBound } from '../ir/bounds.ts';
import type { Value } from '../ir/value.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { ADD } from './forms.ts';
import { ALU } from './kinds-integer.ts';
import { LOAD_CONSTANT } from './kinds-move.ts';
import { type Address, Use, use } from './machine.ts';
import type { Selector } from './selector.ts';

const U32 = 0xffff_ffff;
const MAX_DISPLACEMENT = 0x7fff_ffff;

/**
 * The memory operand of a load or store at `pointer` + `offset`, whose registers are appended to
 * `uses` with the given kind.
 *
 * A Wasm address is the 32-bit pointer plus the offset, 33 bits. An addition or shift that makes
 * the pointer wraps at 32 bits; the processor's address arithmetic does not. So it is folded only
 * where it provably does not wrap (CVE-2023-26489 was a shift folded without that proof), or, at
 * base 0 and without an offset, with the prefix that makes the processor wrap at 32 bits too.
 * With displacements below 2^31 every address lies within 8 GiB above the base.
 */
export function memoryOperand(
  s: Selector,
  pointer: Value,
  offset: number,
  uses: number[],
  kind: number = Use.REGISTER,
): Address {
  if (pointer.op === Op.I32_CONST) return constantAddress(s, pointer, offset, uses, kind);
  if (offset > MAX_DISPLACEMENT) return farAddress(s, pointer, offset, uses, kind);
  if (pointer.op !== Op.I32_ADD && pointer.op !== Op.I32_SHL) {
    return memoryAt(uses.push(s.use(pointer, kind)) - 1, -1, 1, offset, false);
  }
  const { base, index, scale, displacement, narrow } = split(
    pointer,
    offset,
    !s.target.baseRegister,
  );
  const baseUse = base ? uses.push(s.use(base, kind)) - 1 : -1;
  const indexUse = index ? uses.push(s.use(index, kind)) - 1 : -1;
  return memoryAt(baseUse, indexUse, scale, displacement, narrow);
}

function memoryAt(
  base: number,
  index: number,
  scale: number,
  displacement: number,
  narrow: boolean,
): Address {
  return { base, index, scale, displacement, symbol: undefined, inMemory: true, narrow };
}

interface Parts {
  base: Value | undefined;
  index: Value | undefined;
  scale: number;
  displacement: number;
  narrow: boolean;
}

function split(pointer: Value, offset: number, atBase0: boolean): Parts {
  const parts: Parts = {
    base: pointer,
    index: undefined,
    scale: 1,
    displacement: offset,
    narrow: false,
  };
  const mayWrap = atBase0 && offset === 0;
  while (foldConstant(parts, mayWrap));
  if (atBase0) foldSum(parts, mayWrap);
  if (atBase0) while (foldConstant(parts, mayWrap));
  foldShift(parts, mayWrap);
  return parts;
}

/** base + constant */
function foldConstant(parts: Parts, mayWrap: boolean): boolean {
  const { base } = parts;
  if (base?.op !== Op.I32_ADD) return false;
  const [x, c] = base.args as [Value, Value];
  if (c.op !== Op.I32_CONST) return false;
  const unsigned = c.imm >>> 0;
  if (
    upperBound(x) + unsigned <= U32 &&
    parts.displacement + unsigned <= MAX_DISPLACEMENT &&
    !parts.narrow
  ) {
    parts.displacement += unsigned;
  } else if (mayWrap && Math.abs(parts.displacement + c.imm) <= MAX_DISPLACEMENT) {
    parts.displacement += c.imm;
    parts.narrow = true;
  } else {
    return false;
  }
  parts.base = x;
  return true;
}

/** base + index; of no use where a base register takes one of the two places. */
function foldSum(parts: Parts, mayWrap: boolean): void {
  const { base } = parts;
  if (base?.op !== Op.I32_ADD || base.uses > 1) return;
  const [x, y] = base.args as [Value, Value];
  if (y.op === Op.I32_CONST) return;
  const fits = upperBound(x) + upperBound(y) <= U32;
  if (!fits && !mayWrap) return;
  if (!fits) parts.narrow = true;
  [parts.base, parts.index] = x.op === Op.I32_SHL ? [y, x] : [x, y];
}

/** What is shifted by up to 3 becomes a scaled index. */
function foldShift(parts: Parts, mayWrap: boolean): void {
  const shifted = parts.index ?? parts.base;
  if (shifted?.op !== Op.I32_SHL) return;
  const [x, amount] = shifted.args as [Value, Value];
  const shift = amount.imm & 31;
  if (amount.op !== Op.I32_CONST || shift < 1 || shift > 3) return;
  const fits = upperBound(x) * 2 ** shift <= U32;
  if (!fits && !mayWrap) return;
  if (!fits) parts.narrow = true;
  if (!parts.index) parts.base = undefined;
  parts.index = x;
  parts.scale = 1 << shift;
}

function constantAddress(
  s: Selector,
  pointer: Value,
  offset: number,
  uses: number[],
  kind: number,
): Address {
  const total = (pointer.imm >>> 0) + offset;
  const narrow = !s.target.baseRegister && total > MAX_DISPLACEMENT && total <= U32;
  const fits = total <= MAX_DISPLACEMENT || narrow;
  const base = fits ? -1 : uses.push(use(loadWide(s, total), kind)) - 1;
  return memoryAt(base, -1, 1, fits ? total | 0 : 0, narrow);
}

/** pointer + offset in a register, in 64 bits. */
function farAddress(
  s: Selector,
  pointer: Value,
  offset: number,
  uses: number[],
  kind: number,
): Address {
  const sum = s.newRegister();
  const inst = s.inst(ALU, ADD[64].rm);
  inst.defs = [sum];
  s.emitBefore(inst);
  inst.uses = [s.use(pointer, Use.ANY), use(loadWide(s, offset), Use.LATE)];
  return memoryAt(uses.push(use(sum, kind)) - 1, -1, 1, 0, false);
}

function loadWide(s: Selector, value: number): number {
  const register = s.newRegister();
  const inst = s.inst(LOAD_CONSTANT);
  inst.defs = [register];
  inst.data = { type: Type.I64, bits: BigInt(value) };
  s.emitBefore(inst);
  return register;
}

/** An operand at a symbol's address. */
export function symbolOperand(symbol: string, displacement = 0): Address {
  return { base: -1, index: -1, scale: 1, displacement, symbol, inMemory: false, narrow: false };
}

/** [base + index * scale + displacement] of plain registers, as `lea` computes it. */
export function leaOperand(
  base: number,
  index: number,
  scale: number,
  displacement: number,
): Address {
  return { base, index, scale, displacement, symbol: undefined, inMemory: false, narrow: false };
}
