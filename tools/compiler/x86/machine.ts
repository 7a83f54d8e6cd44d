import { emptyList } from '../lists.ts';
import type { FunctionEmitter } from './emit.ts';
import type { Form } from './encode.ts';

/**
 * Machine code before and during register allocation: blocks of {@link Inst}s over virtual
 * registers, each of which is defined once (SSA, phis at block starts).
 *
 * Physical registers are numbers: 0..15 the general ones as encoded, 16..31 XMM0..15. A location
 * is a register, or from {@link SLOT} on a spill slot.
 */
export const XMM = 16;
export const SLOT = 32;
/** Flag of a spill slot or stack location of 16 bytes; the others have 8. */
export const WIDE = 1 << 28;

/** Whether what is there goes through an XMM register. */
export function isVector(location: number): boolean {
  return (location & WIDE) !== 0 || (location >= XMM && location < SLOT);
}

/** Never allocated: for moves between memory and memory, and for breaking cycles. */
export const SCRATCH = 11;
export const SCRATCH_XMM = XMM + 15;

/** An operand that instructions read: a virtual register and how it must be held. */
export const Use = {
  /** Register or spill slot; read before anything is written. */
  ANY: 0,
  /** In a register. */
  REGISTER: 1,
  /** Still needed when results and clobbered registers are written. */
  LATE: 2,
  LATE_REGISTER: 3,
} as const;

/** A use packed into a number: the virtual register and one of {@link Use}. */
export function use(register: number, kind: number): number {
  return register * 4 + kind;
}

/** Where a phi or a call takes a constant: its index in MachineFn.constants, as a negative use. */
export function constantUse(index: number): number {
  return -1 - index;
}

/** Whether a packed use is a constant. */
export function isConstantUse(packed: number): boolean {
  return packed < 0;
}

/** The virtual register of a packed use. */
export function usedRegister(packed: number): number {
  return packed >> 2;
}

/** A memory operand: [base + index * scale + displacement], or a symbol's address. */
export interface Address {
  /** Positions in the instruction's uses, or -1. */
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** Signed 32 bits. */
  readonly displacement: number;
  /** [rip + symbol + displacement] instead. */
  readonly symbol: string | undefined;
  /** Whether r14, the linear memory's base, is added. */
  readonly inMemory: boolean;
  /** Whether the address is computed modulo 2^32 (prefix 67). */
  readonly narrow: boolean;
}

/** What kind of instruction: its name for printing, and how it is written once allocated. */
export interface Kind {
  readonly name: string;
  emit(out: FunctionEmitter, inst: Inst): void;
}

export class Inst {
  readonly kind: Kind;
  readonly form: Form | undefined;
  /** Virtual registers written; -1 where nobody needs the value. */
  defs: readonly number[] = NONE;
  /** Packed, see {@link use}. */
  uses: readonly number[] = NONE;
  /** Registers for the instruction's own use: from before the first read to the end. */
  temps: readonly number[] = NONE;
  /** Physical registers (bit per number) whose contents it destroys. */
  clobbers = 0;
  /** Whether the results are written while late uses are still needed. */
  earlyDef = false;
  /** Whether results may be in spill slots from the start: calls and parameters, which move them. */
  anyDef = false;
  /** Position of the use whose register the first result would best share. */
  sharedUse = 0;
  address: Address | undefined = undefined;
  imm = 0;
  /** High half of a 64-bit immediate. */
  immHigh = 0;
  /** What else the kind needs; it knows the type. */
  data: unknown = undefined;
  /** Offset in the module of the Wasm instruction it was made for. */
  readonly offset: number;
  /** Preferred registers for defs and uses, by position; -1 for none. */
  defHints: readonly number[] = NONE;
  useHints: readonly number[] = NONE;

  /** Locations after allocation, by position. */
  defAt: readonly number[] = NONE;
  useAt: readonly number[] = NONE;
  tempAt: readonly number[] = NONE;

  constructor(kind: Kind, form: Form | undefined, offset: number) {
    this.kind = kind;
    this.form = form;
    this.offset = offset;
  }
}

const NONE: readonly number[] = [];

export interface Phi {
  readonly def: number;
  /** By predecessor: a packed use, or a constant. */
  readonly inputs: readonly number[];
  /** Location at the block's start, after allocation. */
  at: number;
}

/** A move between locations; a negative `from` is a constant, as in {@link constantUse}. */
export interface Move {
  readonly to: number;
  readonly from: number;
}

const NO_MOVES: readonly Move[] = emptyList();
const NO_BLOCKS: readonly MachineBlock[] = emptyList();
const NO_PHIS: readonly Phi[] = emptyList();
const NO_INSTS: readonly Inst[] = emptyList();

export class MachineBlock {
  readonly id: number;
  phis: readonly Phi[] = NO_PHIS;
  insts: readonly Inst[] = NO_INSTS;
  preds: readonly MachineBlock[] = NO_BLOCKS;
  succs: readonly MachineBlock[] = NO_BLOCKS;
  loopDepth = 0;
  isLoopHeader = false;
  /** Header of the innermost loop. */
  loop: MachineBlock | undefined = undefined;
  /** Of a loop's header: the header of the loop around it, and the loops' numbers as in the IR. */
  outer: MachineBlock | undefined = undefined;
  loopFirst = 0;
  loopEnd = 0;
  cold = false;
  /** Positions of the block's start and end; its instructions lie 4 apart, from `from` + 4 on. */
  from = 0;
  to = 0;
  /** Position in MachineFn.blocks; set by numbering. */
  order = 0;
  /** Moves that happen at once at the block's start, coming from its only predecessor. */
  startMoves: readonly Move[] = NO_MOVES;
  /** Those before the jump that ends it, going to its only successor. */
  endMoves: readonly Move[] = NO_MOVES;
  /** Those between instructions: by index of the instruction before which they happen. */
  moves: Map<number, Move[]> | undefined = undefined;

  constructor(id: number) {
    this.id = id;
  }
}

/** A constant that is moved into a register or slot: its type decides how. */
export interface Constant {
  readonly type: number;
  readonly bits: bigint;
}

export class MachineFn {
  readonly name: string;
  blocks: MachineBlock[] = [];
  /** Register class by virtual register: 0 general, 1 XMM. */
  classes: number[] = [];
  /** Virtual registers of 16 bytes. */
  readonly wide = new Set<number>();
  readonly constants: Constant[] = [];
  /** Bytes of outgoing stack arguments. */
  outgoing = 0;
  /** Bytes of its own stack arguments, which it pops. */
  incoming = 0;
  slots = 0;
  /** After allocation, a bit for each register: where virtual registers are, what instructions destroy. */
  taken = 0;
  clobbered = 0;

  constructor(name: string) {
    this.name = name;
  }

  newRegister(isXmm: boolean): number {
    this.classes.push(isXmm ? 1 : 0);
    return this.classes.length - 1;
  }
}
