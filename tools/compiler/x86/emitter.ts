import type { Form } from './encode.ts';
import type { Label } from './operand.ts';

/** As tools/compiler/object.ts's, without the section: what the linker adds at `offset`. */
export interface Relocation {
  offset: number;
  readonly kind: 'rel32' | 'abs64' | 'abs32' | 'abs32s';
  readonly symbol: string;
  readonly addend: number;
}

/** Bytes that the processor fetches at once, at a multiple of their number (Zen: the op cache's lines). */
export const LINE = 64;
/** Longest instruction (15 bytes), and any prefix written before it. */
const ROOM = 32;
/** Numbers for each use of a label: where, how many bytes, which label, bytes up to the next instruction. */
export const FIXUP = 4;
/** A label that is not bound yet. */
export const UNBOUND = -1;
/** Where an alignment has no loop's end. */
export const NO_LOOP = -1;

const PREFIXES = { lock: 0xf0, rep: 0xf3, repne: 0xf2, address32: 0x67 } as const;

export const JMP_SHORT = 0xeb;
export const JMP_NEAR = 0xe9;
const CALL_NEAR = 0xe8;
export const JCC_SHORT = 0x70;
const JCC_NEAR = 0x80;

/** NOPs of 1 to 9 bytes as AMD's optimization guide recommends (47414 §2.7); valid in both modes. */
const NOPS = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

/**
 * Writes machine code into a growing buffer: the compiler's fast face. Forms come from `form(id)`, once
 * when a module is loaded; operands are register numbers and are not checked. In the methods' names
 * r is a register, m memory, i an immediate; `reg` is what stands in ModRM.reg and `rm` in ModRM.rm,
 * whichever of the two the row writes first. `base` and `index` may be -1 for none.
 */
export class Emitter {
  /** The code so far is `buffer[0 … size)`. */
  buffer = new Uint8Array(1 << 12);
  size = 0;
  /**
   * Whether SSE instructions are written as AVX has them, VEX's operand being the result's register
   * where it is not given.
   */
  avx = false;
  readonly relocations: Relocation[] = [];
  /** Where labels are, or {@link UNBOUND}. */
  positions = new Int32Array(256);
  labels = 0;
  /** Uses of labels, {@link FIXUP} numbers each. */
  readonly fixups: number[] = [];
  /**
   * While branches are left for relax.ts to shorten: indexes in `fixups` of branches to labels, and
   * for each loop the offset at which it begins, how many bytes before it are filled, and its end.
   */
  relaxing = false;
  readonly branches: number[] = [];
  readonly alignments: number[] = [];

  // Instructions.

  /** Before the next instruction: lock, rep (also repe), repne, or 32-bit addresses in 64-bit mode. */
  prefix(name: keyof typeof PREFIXES): void {
    this.reserve();
    this.byte(PREFIXES[name]);
  }

  /** No operands, or only such as the opcode implies. */
  none(form: Form): void {
    this.reserve();
    if (form.instruction.encoding.modrm === 'byte') this.fixed(form);
    else this.plain(form);
  }

  /** Immediate only, or with an implied register: `add rax, simm32`, `ret imm16`, `push simm32`. */
  i(form: Form, immediate: number): void {
    this.reserve();
    this.plain(form);
    this.little(immediate, form.immediate);
  }

  /** One register, in ModRM.rm beside a digit or in the opcode: `neg r/m64`, `push r64`. */
  r(form: Form, register: number): void {
    this.reserve();
    if (form.instruction.encoding.plusRegister) this.plus(form, register);
    else if (this.avx && form.avx) {
      this.registers(form.avx.registers, form.digit, register, register);
    } else this.registers(form, form.digit, register, 0);
  }

  /** One register and an immediate: `add r/m64, simm8`, `mov r32, imm32`. */
  ri(form: Form, register: number, immediate: number): void {
    this.r(form, register);
    this.little(immediate, form.immediate);
  }

  /** `mov r64, imm64` and its like, the immediate in two halves. */
  ri64(form: Form, register: number, low: number, high: number): void {
    this.r(form, register);
    this.little(low, 4);
    this.little(high, 4);
  }

  rr(form: Form, reg: number, rm: number): void {
    this.rrr(form, reg, reg, rm);
  }

  rri(form: Form, reg: number, rm: number, immediate: number): void {
    this.rrr(form, reg, reg, rm);
    this.little(immediate, form.immediate);
  }

  /** Three registers, of a VEX form. */
  rrr(form: Form, reg: number, vvvv: number, rm: number): void {
    this.reserve();
    const chosen = this.avx && form.avx ? form.avx.registers : form;
    this.registers(chosen, reg, rm, chosen.hasVvvv ? vvvv : 0);
  }

  /** A register and memory, in either direction. */
  rm(form: Form, reg: number, base: number, index: number, scale: number, disp: number): void {
    this.rrm(form, reg, reg, base, index, scale, disp);
  }

  /** Two registers, of a VEX form, and memory. */
  rrm(
    form: Form,
    reg: number,
    vvvv: number,
    base: number,
    index: number,
    scale: number,
    disp: number,
  ): void {
    this.reserve();
    this.headMemory(form, reg, index, base, vvvv);
    this.modrmMemory(reg, base, index, scale, disp, true);
  }

  rmi(
    form: Form,
    reg: number,
    base: number,
    index: number,
    scale: number,
    disp: number,
    immediate: number,
  ): void {
    this.rm(form, reg, base, index, scale, disp);
    this.little(immediate, form.immediate);
  }

  /** Memory only: `not r/m64`, `call r/m64`. */
  m(form: Form, base: number, index: number, scale: number, disp: number): void {
    this.rm(form, form.digit, base, index, scale, disp);
  }

  mi(
    form: Form,
    base: number,
    index: number,
    scale: number,
    disp: number,
    immediate: number,
  ): void {
    this.rm(form, form.digit, base, index, scale, disp);
    this.little(immediate, form.immediate);
  }

  /** A register and [rip + symbol + addend]. An immediate that the form has must be written next. */
  rmSymbol(form: Form, reg: number, symbol: string, addend = 0): void {
    this.rrmSymbol(form, reg, reg, symbol, addend);
  }

  /** Two registers, of a VEX form, and [rip + symbol + addend]. */
  rrmSymbol(form: Form, reg: number, vvvv: number, symbol: string, addend = 0): void {
    this.reserve();
    this.headMemory(form, reg, -1, -1, vvvv);
    this.modrmFar(reg, -1, -1, 1, true, true);
    this.reference('rel32', symbol, addend, form.tail);
  }

  /** Memory only, [rip + symbol + addend]. */
  mSymbol(form: Form, symbol: string, addend = 0): void {
    this.rmSymbol(form, form.digit, symbol, addend);
  }

  miSymbol(form: Form, symbol: string, addend: number, immediate: number): void {
    this.rmSymbol(form, form.digit, symbol, addend);
    this.little(immediate, form.immediate);
  }

  /** A register and [rip + label]: jump tables and constants beside the code. */
  rmLabel(form: Form, reg: number, label: Label): void {
    this.reserve();
    this.head(form, reg, -1, -1, 0);
    this.modrmFar(reg, -1, -1, 1, true, true);
    this.labelReference(label, 4, form.tail);
  }

  /** A register and [base + index * scale + symbol]: tables below 2 GiB or in the top 2 GiB. */
  rmTable(
    form: Form,
    reg: number,
    base: number,
    index: number,
    scale: number,
    symbol: string,
    addend = 0,
  ): void {
    this.reserve();
    this.head(form, reg, index, base, 0);
    this.modrmFar(reg, base, index, scale, false, true);
    this.reference('abs32s', symbol, addend, form.tail);
  }

  /** Short where the label is bound already and near enough, else with 32 bits. */
  jmp(label: Label): void {
    this.reserve();
    if (this.isNear(label)) {
      this.byte(JMP_SHORT);
      this.labelReference(label, 1, 0);
      return;
    }
    this.byte(JMP_NEAR);
    this.branchReference(label);
  }

  /** `condition`: 0 … 15 as in the opcode. */
  jcc(condition: number, label: Label): void {
    this.reserve();
    if (this.isNear(label)) {
      this.byte(JCC_SHORT | condition);
      this.labelReference(label, 1, 0);
      return;
    }
    this.byte(0x0f);
    this.byte(JCC_NEAR | condition);
    this.branchReference(label);
  }

  call(symbol: string): void {
    this.reserve();
    this.byte(CALL_NEAR);
    this.reference('rel32', symbol, 0, 0);
  }

  jmpSymbol(symbol: string): void {
    this.reserve();
    this.byte(JMP_NEAR);
    this.reference('rel32', symbol, 0, 0);
  }

  callLabel(label: Label): void {
    this.reserve();
    this.byte(CALL_NEAR);
    this.labelReference(label, 4, 0);
  }

  // Labels and data.

  label(): Label {
    if (this.labels === this.positions.length) {
      const grown = new Int32Array(this.labels * 2);
      grown.set(this.positions);
      this.positions = grown;
    }
    this.positions[this.labels] = UNBOUND;
    return this.labels++ as Label;
  }

  bind(label: Label): void {
    if (this.positions[label] !== UNBOUND) throw new TypeError(`label ${label} is bound already`);
    this.positions[label] = this.size;
  }

  /** Offset of a bound label. */
  offsetOf(label: Label): number {
    const offset = this.positions[label];
    if (offset === undefined || offset === UNBOUND)
      throw new TypeError(`label ${label} is not bound`);
    return offset;
  }

  /** Fills up to a multiple of `n` bytes with NOPs. */
  align(n: number): void {
    const missing = -this.size & (n - 1);
    this.reserve(missing);
    this.nops(missing);
  }

  /** Here begins a loop, which ends at the label: where it best begins is left to relax.ts. */
  alignLoop(end: Label | typeof NO_LOOP): void {
    const before = this.size;
    this.align(LINE);
    this.alignments.push(this.size, this.size - before, end);
  }

  /** Begins a line of the cache. */
  alignLine(): void {
    this.alignLoop(NO_LOOP);
  }

  /** Instructions of `size` bytes in all that do nothing, where there is room for them. */
  nops(size: number): void {
    for (let missing = size; missing > 0; ) {
      const nop = NOPS[Math.min(missing, NOPS.length - 1)] as number[];
      this.buffer.set(nop, this.size);
      this.size += nop.length;
      missing -= nop.length;
    }
  }

  bytes(data: ArrayLike<number>): void {
    this.reserve(data.length);
    this.buffer.set(data, this.size);
    this.size += data.length;
  }

  u16(value: number): void {
    this.reserve();
    this.little(value, 2);
  }

  u32(value: number): void {
    this.reserve();
    this.little(value, 4);
  }

  u64(value: bigint): void {
    this.reserve();
    const bits = BigInt.asUintN(64, value);
    this.little(Number(bits & 0xffff_ffffn) | 0, 4);
    this.little(Number(bits >> 32n) | 0, 4);
  }

  /** The address of a symbol as data. */
  address(kind: 'abs64' | 'abs32', symbol: string, addend = 0): void {
    this.reserve();
    this.reference(kind, symbol, addend, 0);
  }

  /** The distance from `origin` to `label` as 32 bits of data: an entry of a jump table. */
  distance(label: Label, origin: Label): void {
    this.reserve();
    this.labelReference(label, 4, this.offsetOf(origin) - this.size - 4);
  }

  /** The code, every use of a label filled in. Throws for a label that was never bound. */
  finish(): Uint8Array {
    const { fixups, buffer } = this;
    for (let n = 0; n < fixups.length; n += FIXUP) {
      const at = fixups[n] as number;
      const size = fixups[n + 1] as number;
      const target = this.offsetOf(fixups[n + 2] as Label);
      const distance = target - (at + size + (fixups[n + 3] as number));
      const limit = 2 ** (size * 8 - 1);
      if (distance < -limit || distance >= limit) {
        throw new RangeError(`branch at ${at}: ${distance} does not fit in ${size} bytes`);
      }
      for (let k = 0; k < size; k++) buffer[at + k] = distance >> (8 * k);
    }
    fixups.length = 0;
    return buffer.subarray(0, this.size);
  }

  // Parts of an instruction. None of them makes room: `reserve` comes first.

  /** Makes room for `n` bytes and an instruction. */
  protected reserve(n = 0): void {
    const needed = this.size + n + ROOM;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.size));
    this.buffer = grown;
  }

  protected byte(value: number): void {
    this.buffer[this.size++] = value;
  }

  /** The low `bytes` (1, 2, 4; or 8, sign-extended from 32 bits) of a number. */
  protected little(value: number, bytes: number): void {
    const { buffer } = this;
    let at = this.size;
    for (let n = 0; n < bytes; n++) buffer[at++] = n < 4 ? value >> (8 * n) : value >> 31;
    this.size = at;
  }

  protected plain(form: Form): void {
    this.head(form, 0, 0, 0, 0);
  }

  /** An opcode with the ModRM byte that is part of it. */
  protected fixed(form: Form): void {
    this.head(form, 0, 0, 0, 0);
    this.byte(form.instruction.encoding.digit);
  }

  protected plus(form: Form, register: number): void {
    this.head(form, 0, 0, register, 0, form.byteReg && register >= 4);
    this.buffer[this.size - 1] = form.opcode | (register & 7);
  }

  protected registers(form: Form, reg: number, rm: number, vvvv: number): void {
    const byte = (form.byteReg && reg >= 4) || (form.byteRm && rm >= 4);
    this.head(form, reg, 0, rm, vvvv, byte);
    this.byte(0xc0 | ((reg & 7) << 3) | (rm & 7));
  }

  /** Prefixes, REX or VEX, opcode. Bit 3 of the three numbers goes into REX; -1 is no register. */
  protected head(
    form: Form,
    reg: number,
    index: number,
    base: number,
    vvvv: number,
    byte = form.byteReg && reg >= 4,
  ): void {
    const extension = ((reg & 8) >> 1) | (index > 7 ? 2 : 0) | (base > 7 ? 1 : 0);
    if (form.vex) {
      this.vexHead(form, extension, vvvv);
      return;
    }
    const { buffer } = this;
    let at = this.size;
    if (form.prefixes !== 0) {
      buffer[at++] = form.prefixes;
      if (form.prefixes > 0xff) buffer[at++] = form.prefixes >> 8;
    }
    const rex = form.rexW | extension;
    if (rex !== 0 || byte) buffer[at++] = 0x40 | rex;
    if (form.map !== 0) {
      buffer[at++] = 0x0f;
      if (form.map !== 1) buffer[at++] = form.map === 2 ? 0x38 : 0x3a;
    }
    buffer[at++] = form.opcode;
    this.size = at;
  }

  /** Those of an instruction with memory. */
  private headMemory(form: Form, reg: number, index: number, base: number, vvvv: number): void {
    const chosen = this.avx && form.avx ? form.avx.memory : form;
    this.head(chosen, reg, index, base, chosen.hasVvvv ? vvvv : 0);
  }

  private vexHead(form: Form, extension: number, vvvv: number): void {
    // R, X and B are inverted, in the order in which REX has them. APM3 §1.2.8.
    const inverted = ~extension & 7;
    if (form.map === 1 && form.rexW === 0 && (inverted & 3) === 3) {
      this.byte(0xc5);
      this.byte(((inverted & 4) << 5) | ((~vvvv & 15) << 3) | form.vexLpp);
    } else {
      this.byte(0xc4);
      this.byte((inverted << 5) | form.map);
      this.byte((form.rexW << 4) | ((~vvvv & 15) << 3) | form.vexLpp);
    }
    this.byte(form.opcode);
  }

  /** ModRM, SIB and displacement of [base + index * scale + disp]. */
  protected modrmMemory(
    reg: number,
    base: number,
    index: number,
    scale: number,
    disp: number,
    long: boolean,
  ): void {
    const { buffer } = this;
    const middle = (reg & 7) << 3;
    let at = this.size;
    if (base < 0) {
      // Without a base the displacement has 32 bits; 64-bit mode needs a SIB byte to say absolute.
      if (index < 0 && !long) buffer[at++] = middle | 5;
      else {
        buffer[at++] = middle | 4;
        buffer[at++] = index < 0 ? 0x25 : (scaleBits(scale) << 6) | ((index & 7) << 3) | 5;
      }
      this.size = at;
      this.little(disp, 4);
      return;
    }
    // rbp and r13 as a base have no form without a displacement.
    const mod = disp === 0 && (base & 7) !== 5 ? 0 : disp >= -128 && disp <= 127 ? 1 : 2;
    if (index >= 0) {
      buffer[at++] = (mod << 6) | middle | 4;
      buffer[at++] = (scaleBits(scale) << 6) | ((index & 7) << 3) | (base & 7);
    } else {
      buffer[at++] = (mod << 6) | middle | (base & 7);
      // rsp and r12 as a base need a SIB byte.
      if ((base & 7) === 4) buffer[at++] = 0x24;
    }
    this.size = at;
    if (mod === 1) this.byte(disp);
    else if (mod === 2) this.little(disp, 4);
  }

  /** ModRM and SIB before a 32-bit displacement that is written next; `rip`: relative to RIP. */
  protected modrmFar(
    reg: number,
    base: number,
    index: number,
    scale: number,
    rip: boolean,
    long: boolean,
  ): void {
    const middle = (reg & 7) << 3;
    if (rip || (base < 0 && index < 0 && !long)) {
      this.byte(middle | 5);
    } else if (base < 0) {
      this.byte(middle | 4);
      this.byte(index < 0 ? 0x25 : (scaleBits(scale) << 6) | ((index & 7) << 3) | 5);
    } else if (index >= 0) {
      this.byte(0x80 | middle | 4);
      this.byte((scaleBits(scale) << 6) | ((index & 7) << 3) | (base & 7));
    } else {
      this.byte(0x80 | middle | (base & 7));
      if ((base & 7) === 4) this.byte(0x24);
    }
  }

  /** Room for `bytes` of displacement to a label; `tail` bytes of the instruction follow. */
  protected labelReference(label: Label, bytes: number, tail: number): void {
    this.fixups.push(this.size, bytes, label, tail);
    this.little(0, bytes);
  }

  private branchReference(label: Label): void {
    if (this.relaxing) this.branches.push(this.fixups.length);
    this.labelReference(label, 4, 0);
  }

  /** Room for a symbol's address; rel32 counts from the end of the instruction, `tail` bytes on. */
  protected reference(
    kind: Relocation['kind'],
    symbol: string,
    addend: number,
    tail: number,
  ): void {
    const adjusted = kind === 'rel32' ? addend - 4 - tail : addend;
    this.relocations.push({ offset: this.size, kind, symbol, addend: adjusted });
    this.little(0, kind === 'abs64' ? 8 : 4);
  }

  private isNear(label: Label): boolean {
    const position = this.positions[label] as number;
    return !this.relaxing && position !== UNBOUND && position - (this.size + 2) >= -128;
  }
}

function scaleBits(scale: number): number {
  return scale === 1 ? 0 : scale === 2 ? 1 : scale === 4 ? 2 : 3;
}
