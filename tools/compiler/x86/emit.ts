import { mapList } from '../lists.ts';
import type { TrapReason } from '../object.ts';
import { Type } from '../wasm/opcodes.ts';
import { arrangeBlocks, innermostLoops } from './arrange.ts';
import { isCopiedCase, isWorthCopying } from './copying.ts';
import type { Emitter } from './emitter.ts';
import { Flags } from './flags.ts';
import {
  ADD,
  Cc,
  CMP,
  type Form,
  form,
  JMP_RM,
  LEA,
  MOV,
  MOV_IMM32,
  MOV_IMM64,
  MOV_SIGNED,
  MOV_STORE,
  MOVAPS,
  MOVSD_LOAD,
  MOVSD_STORE,
  MOVSS_LOAD,
  MOVUPS_LOAD,
  MOVUPS_STORE,
  POP,
  PUSH,
  RET,
  RET_POP,
  STORE_IMM,
  SUB,
  TEST,
  UD2,
  XOR,
  XORPS,
} from './forms.ts';
import { needsFrame, stackProbes } from './frame.ts';
import { INCOMING, OUTGOING } from './locations.ts';
import {
  type Constant,
  type Inst,
  isVector,
  type MachineBlock,
  type MachineFn,
  SCRATCH,
  SCRATCH_XMM,
  SLOT,
  WIDE,
  XMM,
} from './machine.ts';
import type { Label } from './operand.ts';
import { R10, R14, RAX, RSP } from './operand.ts';
import type { Output } from './output.ts';
import { type LocationMove, orderMoves } from './parallel-move.ts';
import { beginRelaxed, relax } from './relax.ts';
import { SAVED_BY_CALLEE, type Target } from './target.ts';
import { threaded } from './threading.ts';

const NO_REGISTER = -1;
/** Blocks copied within each other. */
const MOST_COPIES = 3;
const MOVQ_TO_XMM = form('movq xmm, r/m64');
const MOVQ_FROM_XMM = form('movq r/m64, xmm');
const PCMPEQD = form('pcmpeqd xmm, xmm/m128');
const ALL_ONES = (1n << 128n) - 1n;
const PUSH_MEMORY = form('push r/m64');
const POP_MEMORY = form('pop r/m64');

/**
 * Writes one function's allocated code. Blocks' kinds call back for operands, moves and jumps.
 *
 * The frame, from RSP up: outgoing stack arguments, spill slots, padding, saved registers, return
 * address. RSP does not change between prologue and epilogue.
 */
export class FunctionEmitter {
  readonly asm: Emitter;
  readonly output: Output;
  readonly target: Target;
  readonly flags: Flags;
  readonly #fn: MachineFn;
  readonly #symbol: string;
  readonly #constantsSymbol: string;
  readonly #start: number;
  readonly #labels = new Map<MachineBlock, Label>();
  readonly #deferred: (() => void)[] = [];
  readonly #trapLabels = new Map<string, Label>();
  /** Symbols of jump tables by their cases. */
  readonly #jumpTables = new Map<readonly number[], string>();
  readonly #saved: readonly number[];
  readonly #frameBytes: number;
  #block: MachineBlock | undefined;
  #next: MachineBlock | undefined;
  /** How many copies of blocks are being written within each other. */
  #copies = 0;

  constructor(
    fn: MachineFn,
    symbol: string,
    constantsSymbol: string,
    target: Target,
    output: Output,
  ) {
    this.#fn = fn;
    this.#symbol = symbol;
    this.#constantsSymbol = constantsSymbol;
    this.target = target;
    this.output = output;
    this.asm = output.asm;
    this.flags = new Flags(this.asm);
    this.asm.align(16);
    this.#start = this.asm.size;
    const written = fn.taken | fn.clobbered;
    this.#saved = SAVED_BY_CALLEE.filter((register) => ((written >>> register) & 1) === 1);
    const bytes = fn.outgoing + 8 * fn.slots;
    // RSP is 8 below a multiple of 16 on entry; calls want it back on one.
    const misaligned = (bytes + 8 * this.#saved.length + 8) % 16 !== 0;
    this.#frameBytes = bytes + (misaligned && needsFrame(fn, bytes) ? 8 : 0);
  }

  get #frameSize(): number {
    return this.#frameBytes + 8 * this.#saved.length;
  }

  /** @param index the function's index in the module, or -1 */
  emit(index: number): void {
    const { asm, output } = this;
    const blocks = arrangeBlocks(this.#fn);
    const firstLabel = beginRelaxed(asm);
    this.#prologue();
    const bodyStart = asm.size;
    const loops = innermostLoops(blocks);
    const loopEnds = new Map<MachineBlock, Label>();
    blocks.forEach((block, i) => {
      this.#next = blocks[i + 1];
      const bottom = block.cold ? undefined : loops.get(block);
      if (isCopiedCase(block)) {
        asm.alignLine();
      } else if (bottom) {
        const end = asm.label();
        loopEnds.set(bottom, end);
        asm.alignLoop(end);
      }
      this.#emitBlock(block);
      const ended = loopEnds.get(block);
      if (ended !== undefined) asm.bind(ended);
    });
    for (let more = this.#deferred.shift(); more; more = this.#deferred.shift()) more();
    relax(asm, this.#start, firstLabel, output.sites);
    output.functions.push({
      symbol: this.#symbol,
      index,
      start: this.#start,
      end: asm.size,
      frameSize: this.#frameSize,
      bodyStart,
    });
  }

  #prologue(): void {
    const { asm } = this;
    for (const register of this.#saved) asm.r(PUSH, register);
    const bytes = this.#frameBytes;
    for (const at of stackProbes(this.#fn, bytes, this.target)) {
      asm.rm(TEST[32].mr, RAX, RSP, NO_REGISTER, 1, -at);
    }
    if (bytes > 0) asm.ri(bytes < 128 ? SUB[64].short : SUB[64].long, RSP, bytes);
  }

  /** Leaves the function with the results where the caller expects them. */
  leave(inst: Inst): void {
    const { asm } = this;
    const to = inst.data as readonly number[];
    this.moves(mapList(inst.useAt, (from, i) => ({ to: to[i] as number, from })));
    this.#epilogue();
    if (this.#fn.incoming > 0) asm.i(RET_POP, this.#fn.incoming);
    else asm.none(RET);
  }

  /**
   * Leaves the function for another one, whose `size` bytes of stack arguments are at RSP: moves them up
   * to where they end where the function's own ones do, below them the return address. RAX and the
   * argument registers stay as they are. `jump` writes the jump.
   */
  leaveTo(size: number, jump: () => void): void {
    const { asm } = this;
    const { incoming } = this.#fn;
    if (size === 0 && incoming === 0) {
      this.#epilogue();
      jump();
      return;
    }
    const frame = this.#frameSize;
    const rsp = (form: Form, register: number, at: number) =>
      asm.rm(form, register, RSP, NO_REGISTER, 1, at);
    this.#saved.forEach((register, i) => {
      rsp(MOV[64], register, frame - 8 * (i + 1));
    });
    rsp(MOV[64], R10, frame);
    const up = frame + 8 + incoming - size;
    for (let at = size - 8; at >= 0; at -= 8) {
      rsp(MOV[64], SCRATCH, at);
      rsp(MOV_STORE[64], SCRATCH, up + at);
    }
    rsp(MOV_STORE[64], R10, up - 8);
    rsp(LEA[64], RSP, up - 8);
    jump();
  }

  #epilogue(): void {
    const { asm } = this;
    const bytes = this.#frameBytes;
    if (bytes > 0) asm.ri(bytes < 128 ? ADD[64].short : ADD[64].long, RSP, bytes);
    for (let i = this.#saved.length - 1; i >= 0; i--) asm.r(POP, this.#saved[i] as number);
  }

  #emitBlock(block: MachineBlock): void {
    this.flags.forget();
    this.asm.bind(this.#label(block));
    this.#emitCode(block);
  }

  #emitCode(block: MachineBlock): void {
    this.#block = block;
    this.moves(block.startMoves);
    const { insts, moves } = block;
    for (let i = 0; i < insts.length; i++) {
      const inst = insts[i] as Inst;
      const between = moves?.get(i);
      if (between) this.moves(between);
      if (i === insts.length - 1) this.moves(block.endMoves);
      this.output.line(inst.offset);
      inst.kind.emit(this, inst);
    }
  }

  // Operands.

  /** `form` with a register, a register or spill slot, and `vvvv` where AVX has one more operand. */
  source(form: Form, register: number, location: number, vvvv = register): void {
    const { asm } = this;
    const [reg, v] = [register & 15, vvvv & 15];
    if (location < SLOT) asm.rrr(form, reg, v, location & 15);
    else asm.rrm(form, reg, v, RSP, NO_REGISTER, 1, this.#displacement(location));
  }

  /**
   * On XMM registers: to = left op right, or op the instruction's memory operand. AVX leaves `left` as it
   * is; without it `right` must not be where `to` is, unless `left` is there too.
   */
  combine(form: Form, to: number, left: number, right: number | Inst): void {
    let first = to;
    if (this.target.avx) first = left < SLOT ? left : right === to ? SCRATCH_XMM : to;
    this.move(first, left);
    if (typeof right === 'number') this.source(form, to, right, first);
    else this.address(form, to, right, first);
  }

  /** `form` with only a register or spill slot, beside the digit in its opcode. */
  operand(form: Form, location: number): void {
    this.source(form, form.digit, location);
  }

  /** `form` with a register and the instruction's memory operand, and `vvvv` as in {@link source}. */
  address(form: Form, register: number, inst: Inst, vvvv = register): void {
    const { asm } = this;
    const at = inst.address;
    if (!at) throw new RangeError(`${inst.kind.name} without an address`);
    const [reg, v] = [register & 15, vvvv & 15];
    if (at.symbol !== undefined) {
      asm.rrmSymbol(form, reg, v, at.symbol, at.displacement);
      return;
    }
    let base = at.base < 0 ? NO_REGISTER : (inst.useAt[at.base] as number);
    let index = at.index < 0 ? NO_REGISTER : (inst.useAt[at.index] as number);
    let scale = at.scale;
    if (at.inMemory && this.target.baseRegister) {
      if (index < 0) {
        index = base;
        scale = 1;
      }
      base = R14;
    }
    if (at.narrow) asm.prefix('address32');
    asm.rrm(form, reg, v, base, index, scale, at.displacement);
  }

  /** [rip + constant], of 4, 8 or 16 bytes. */
  constantOperand(
    form: Form,
    register: number,
    bits: bigint,
    size: 4 | 8 | 16,
    vvvv = register,
  ): void {
    const offset = this.output.constants.offsetOf(bits, size);
    this.asm.rrmSymbol(form, register & 15, vvvv & 15, this.#constantsSymbol, offset);
  }

  /** The immediate of an instruction whose other operands have just been written. */
  immediate(form: Form, value: number): void {
    if (form.immediate === 4) this.asm.u32(value);
    else if (form.immediate === 2) this.asm.u16(value);
    else this.asm.bytes([value & 0xff]);
  }

  /** The immediate that is a function type's number. */
  typeImmediate(symbol: string): void {
    const { asm } = this;
    asm.u32(0);
    this.output.immediates.push({ offset: asm.size - 4, kind: 'abs32', symbol, addend: 0 });
  }

  // Moves.

  /** Moves that happen at once. */
  moves(list: readonly LocationMove[]): void {
    if (list.length <= 1) {
      const only = list[0];
      if (only) this.move(only.to, only.from);
      return;
    }
    orderMoves(
      list,
      (to, from) => this.move(to, from),
      (location) => (isVector(location) ? SCRATCH_XMM : SCRATCH),
    );
  }

  /** Between registers, spill slots and stack arguments; a negative `from` is a constant. */
  move(to: number, from: number): void {
    if (to === from) return;
    if (from < 0) {
      this.#moveConstant(to, this.#fn.constants[-1 - from] as Constant);
      return;
    }
    const { asm } = this;
    if ((from | to) & WIDE) {
      this.#moveWide(to, from);
    } else if (from >= SLOT && to >= SLOT) {
      asm.m(PUSH_MEMORY, RSP, NO_REGISTER, 1, this.#displacement(from));
      asm.m(POP_MEMORY, RSP, NO_REGISTER, 1, this.#displacement(to));
    } else if (from >= SLOT) {
      this.source(to < XMM ? MOV[64] : MOVSD_LOAD, to, from);
    } else if (to >= SLOT) {
      this.source(from < XMM ? MOV_STORE[64] : MOVSD_STORE, from, to);
    } else if (to < XMM && from < XMM) {
      asm.rr(MOV[64], to, from);
    } else if (to >= XMM && from >= XMM) {
      asm.rr(MOVAPS, to - XMM, from - XMM);
    } else if (to >= XMM) {
      asm.rr(MOVQ_TO_XMM, to - XMM, from);
    } else {
      asm.rr(MOVQ_FROM_XMM, from - XMM, to);
    }
  }

  /** 16 bytes, at least one side in memory. */
  #moveWide(to: number, from: number): void {
    const { asm } = this;
    if (from < SLOT) {
      this.source(MOVUPS_STORE, from, to);
    } else if (to < SLOT) {
      this.source(MOVUPS_LOAD, to, from);
    } else {
      for (const half of [0, 8]) {
        asm.m(PUSH_MEMORY, RSP, NO_REGISTER, 1, this.#displacement(from) + half);
        asm.m(POP_MEMORY, RSP, NO_REGISTER, 1, this.#displacement(to) + half);
      }
    }
  }

  #moveConstant(to: number, constant: Constant): void {
    if (to < SLOT) {
      this.loadConstant(to, constant);
      return;
    }
    const at = this.#displacement(to);
    this.#storeConstant(at, BigInt.asUintN(64, constant.bits));
    if (constant.type === Type.V128) this.#storeConstant(at + 8, constant.bits >> 64n);
  }

  #storeConstant(at: number, bits: bigint): void {
    const { asm } = this;
    if (BigInt.asIntN(32, bits) === BigInt.asIntN(64, bits)) {
      asm.mi(STORE_IMM[64], RSP, NO_REGISTER, 1, at, Number(BigInt.asIntN(32, bits)));
      return;
    }
    asm.mi(STORE_IMM[32], RSP, NO_REGISTER, 1, at, Number(BigInt.asIntN(32, bits)));
    asm.mi(STORE_IMM[32], RSP, NO_REGISTER, 1, at + 4, Number(BigInt.asIntN(32, bits >> 32n)));
  }

  loadConstant(register: number, { type, bits }: Constant): void {
    if (register >= XMM) {
      if (bits === 0n) this.asm.rr(XORPS, register - XMM, register - XMM);
      else if (type === Type.F32) this.constantOperand(MOVSS_LOAD, register, bits, 4);
      else if (type === Type.V128) this.#loadVector(register, bits);
      else this.constantOperand(MOVSD_LOAD, register, bits, 8);
      return;
    }
    const signed = BigInt.asIntN(64, bits);
    const low = Number(BigInt.asIntN(32, bits));
    if (bits === 0n) this.clear(register);
    else if (BigInt.asUintN(64, bits) <= 0xffff_ffffn) this.asm.ri(MOV_IMM32, register, low);
    else if (signed === BigInt(low)) this.asm.ri(MOV_SIGNED, register, low);
    else this.asm.ri64(MOV_IMM64, register, low, Number(BigInt.asIntN(32, bits >> 32n)));
  }

  #loadVector(register: number, bits: bigint): void {
    if (bits === ALL_ONES) this.asm.rr(PCMPEQD, register - XMM, register - XMM);
    else this.constantOperand(MOVAPS, register, bits, 16);
  }

  /** A number from 0 to 2^31 into a general register, the flags unchanged. */
  loadNumber(register: number, value: number): void {
    this.asm.ri(MOV_IMM32, register, value);
  }

  /** Zero into a general register; changes the flags. */
  clear(register: number): void {
    this.asm.rr(XOR[32].rm, register, register);
  }

  #displacement(flagged: number): number {
    const location = flagged & ~WIDE;
    if (location >= INCOMING) return this.#frameSize + 8 + (location - INCOMING);
    if (location >= OUTGOING) return location - OUTGOING;
    return this.#fn.outgoing + 8 * (location - SLOT);
  }

  // Control.

  /** To a successor of the block in hand. */
  jump(successor: number): void {
    const to = this.#successor(successor);
    if (to === this.#next) return;
    this.#jumpTo(to);
  }

  #jumpTo(block: MachineBlock): void {
    if (this.#isToBeCopied(block)) this.#copy(block);
    else this.asm.jmp(this.#label(block));
  }

  #isToBeCopied(block: MachineBlock): boolean {
    return isWorthCopying(block, MOST_COPIES - this.#copies);
  }

  /** Writes a block's code once more instead of a jump to it. */
  #copy(block: MachineBlock): void {
    const [from, next] = [this.#block, this.#next];
    this.#next = undefined;
    this.#copies++;
    this.#emitCode(block);
    this.#copies--;
    [this.#block, this.#next] = [from, next];
  }

  jumpIf(condition: number, successor: number): void {
    this.asm.jcc(condition, this.#label(this.#successor(successor)));
  }

  /** To successor 0 on the condition, else to 1. */
  branch(condition: number): void {
    const [yes, no] = [this.#successor(0), this.#successor(1)];
    if (yes === no) {
      this.jump(0);
    } else if (yes === this.#next) {
      this.asm.jcc(condition ^ 1, this.#label(no));
    } else if (this.#copies > 0 && this.#isToBeCopied(yes)) {
      this.asm.jcc(condition ^ 1, this.#label(no));
      this.#copy(yes);
    } else {
      this.asm.jcc(condition, this.#label(yes));
      if (no === this.#next) return;
      if (this.#copies > 0) this.#jumpTo(no);
      else this.asm.jmp(this.#label(no));
    }
  }

  /** To the successor that `cases` gives for the register's value; beyond its end to the last. */
  jumpTable(register: number, cases: readonly number[]): void {
    const { asm, output } = this;
    const count = cases.length - 1;
    const otherwise = cases[count] as number;
    asm.ri(count < 128 ? CMP[32].short : CMP[32].long, register, count);
    this.jumpIf(Cc.AE, otherwise);
    const known = this.#jumpTables.get(cases);
    const symbol = known ?? `${this.#symbol}.table.${output.jumpTables.length}`;
    asm.rmTable(JMP_RM, JMP_RM.digit, NO_REGISTER, register, 8, symbol);
    if (known !== undefined) return;
    this.#jumpTables.set(cases, symbol);
    output.jumpTables.push({
      symbol,
      functionSymbol: this.#symbol,
      functionStart: this.#start,
      targets: cases.slice(0, count).map((i) => this.#label(this.#successor(i))),
    });
  }

  /** Whether a successor of the block in hand comes after it. */
  isNext(successor: number): boolean {
    return this.#successor(successor) === this.#next;
  }

  #successor(i: number): MachineBlock {
    return threaded(this.#block?.succs[i] as MachineBlock);
  }

  #label(block: MachineBlock): Label {
    let label = this.#labels.get(block);
    if (label === undefined) {
      label = this.asm.label();
      this.#labels.set(block, label);
    }
    return label;
  }

  // Sites.

  /** A label of a `ud2` after the function's code. */
  trap(reason: TrapReason, wasmOffset: number): Label {
    const key = `${reason}${wasmOffset}`;
    const known = this.#trapLabels.get(key);
    if (known !== undefined) return known;
    const label = this.asm.label();
    this.#trapLabels.set(key, label);
    this.defer(() => {
      this.asm.bind(label);
      this.trapHere(reason, wasmOffset);
    });
    return label;
  }

  trapHere(reason: TrapReason, wasmOffset: number): void {
    this.output.line(wasmOffset);
    this.output.trap(reason, wasmOffset);
    this.asm.none(UD2);
  }

  /** Where a table entry's type is wrong: tells an empty entry, of type 0, from another type. */
  wrongType(wasmOffset: number, writeAddress: (form: Form) => void): Label {
    const { asm } = this;
    const label = asm.label();
    this.defer(() => {
      asm.bind(label);
      this.output.line(wasmOffset);
      writeAddress(CMP[32].short);
      this.immediate(CMP[32].short, 0);
      asm.jcc(Cc.E, this.trap('uninitialized element', wasmOffset));
      this.trapHere('indirect call type mismatch', wasmOffset);
    });
    return label;
  }

  /** Writes code after the function's. */
  defer(write: () => void): void {
    this.#deferred.push(write);
  }

  /** Right after a call. */
  callSite(wasmOffset: number): void {
    this.output.calls.push({ offset: this.asm.size, wasmOffset });
  }

  /** Notes an instruction that is written next, if its intercept raises #VC. */
  intercept({ instruction }: Form, add = 0): void {
    if (instruction.intercept === undefined) return;
    this.output.intercepts.push({
      offset: this.asm.size,
      exitCode: instruction.intercept + add,
    });
  }

  /** Calls one of the module's helper routines. */
  callHelper(symbol: string, wasmOffset: number): void {
    this.output.helpers.add(symbol);
    this.asm.call(symbol);
    this.callSite(wasmOffset);
  }

  /** The function's return address into a register. */
  returnAddress(register: number): void {
    this.asm.rm(MOV[64], register, RSP, NO_REGISTER, 1, this.#frameSize);
  }
}
