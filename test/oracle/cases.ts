import type { Instruction, Operand } from '../../spec/x86/instruction.ts';
import { Assembler } from '../../tools/compiler/x86/assembler.ts';
import {
  indexed,
  type Memory,
  mem,
  NONE,
  RSP,
  type Value,
} from '../../tools/compiler/x86/operand.ts';
import type { Random } from '../random.ts';
import { CODE, DATA_SIZE, type State, WINDOW } from './record.ts';

/** One instruction in one state. */
export interface Case {
  readonly row: Instruction;
  readonly mode: 32 | 64;
  readonly code: Uint8Array;
  readonly state: State;
  /** Registers whose values the instruction's addresses, or its not faulting, depend on. */
  readonly needs: ReadonlySet<number>;
  /** Bits of RFLAGS that the instruction leaves undefined. */
  readonly undefinedFlags: number;
}

const RCX = 1;
const RBX = 3;
const RSI = 6;
const RDI = 7;
const MIDDLE = DATA_SIZE / 2;

/** Values that arithmetic goes wrong at. */
const EDGES = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];

/** Draws cases for rows of the instruction table. */
export class CaseMaker {
  readonly #random: Random;
  #needs = new Set<number>();

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return this.#random() % limit;
  }

  word(): bigint {
    const kind = this.below(4);
    if (kind === 0) return EDGES[this.below(EDGES.length)] as bigint;
    if (kind === 1) return BigInt(this.below(256));
    const value = (BigInt(this.#random()) << 32n) | BigInt(this.#random());
    return kind === 2 ? BigInt.asUintN(64, -(value & 0xffffn)) : value;
  }

  make(row: Instruction, mode: 32 | 64): Case {
    const count = mode === 64 ? 16 : 8;
    this.#needs = new Set([RSP]);
    const registers = Array.from({ length: count }, () => this.word());
    while (registers.length < 16) registers.push(0n);
    registers[RSP] = BigInt(WINDOW + MIDDLE + 8 * (this.below(16) - 8));
    const before = [...registers];
    this.prepare(row, registers);
    registers.forEach((value, n) => {
      if (value !== before[n]) this.#needs.add(n);
    });
    const asm = new Assembler(mode);
    const end = asm.label();
    const values = this.operands(row, mode, registers, end);
    const lock = row.lockable && typeof values[0] === 'object' && this.below(4) === 0;
    if (lock) asm.bytes([0xf0]);
    if (row.repeat !== 'none' && this.below(2)) {
      asm.bytes([row.repeat === 'repe' && this.below(2) ? 0xf2 : 0xf3]);
    }
    asm.op(row.id, ...values);
    if (usesLabel(row)) {
      while (asm.size < 14) asm.bytes([0x90]);
      asm.bind(end);
    }
    const bytes = new Uint8Array(16).fill(0x90);
    bytes.set(asm.finish());
    return {
      row,
      mode,
      code: bytes,
      needs: this.#needs,
      undefinedFlags: row.flags.undefined,
      state: {
        registers: mode === 32 ? registers.map((value) => value & 0xffff_ffffn) : registers,
        rip: BigInt(CODE),
        // CF PF AF ZF SF DF OF at random, TF set.
        flags: 0x302n | (BigInt(this.#random()) & 0xcd5n),
        xmm: this.vectors(),
        mxcsr: 0x1f80,
        data: Uint8Array.from({ length: DATA_SIZE }, () => this.#random() & 0xff),
      },
    };
  }

  /** XMM registers: bit patterns, and floating-point numbers of every kind. */
  vectors(): Uint8Array {
    const bytes = new Uint8Array(256);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < 256; at += 8) {
      const kind = this.below(5);
      const small = (this.#random() | 0) / (1 << this.below(31));
      if (kind === 0) view.setFloat64(at, small, true);
      else if (kind === 1) {
        view.setFloat32(at, small, true);
        view.setFloat32(at + 4, small * 3, true);
      } else if (kind === 2) {
        const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1, 4503599627370495.5];
        view.setFloat64(at, special[this.below(special.length)] as number, true);
      } else view.setBigUint64(at, this.word(), true);
    }
    return bytes;
  }

  /** Registers that an instruction uses without naming them. */
  prepare(row: Instruction, registers: bigint[]): void {
    const { name, width } = row.effect;
    const inWindow = () => BigInt(WINDOW + MIDDLE + this.below(64) - 32);
    if (/^(movs|cmps|stos|lods|scas)$/.test(name)) {
      registers[RSI] = inWindow();
      registers[RDI] = inWindow();
      registers[RCX] = BigInt(this.below(4));
    }
    if (/^pcmpestr/.test(name)) {
      // Lengths, of either sign, about as often within the register as beyond it.
      registers[0] = BigInt.asUintN(64, BigInt(this.below(40) - 20));
      registers[2] = BigInt.asUintN(64, BigInt(this.below(40) - 20));
    }
    if (name === 'maskmovdqu') registers[RDI] = inWindow();
    if (name === 'xlatb') registers[RBX] = BigInt(WINDOW);
    if (/^(leave|enter)$/.test(name)) registers[5] = BigInt(WINDOW + MIDDLE + 64);
    if (/^(shld|shrd)$/.test(name) && width === 16) registers[RCX] = BigInt(this.below(17));
    if (/^(div|idiv)$/.test(name) && this.below(4)) {
      // A quotient that fits: most others only show #DE.
      registers[2] = name === 'idiv' && this.below(2) ? (1n << 64n) - 1n : BigInt(this.below(3));
    }
    if (/^(jcxz|loop.*)$/.test(name)) registers[RCX] = BigInt(this.below(3));
  }

  operands(row: Instruction, mode: 32 | 64, registers: bigint[], end: Value): Value[] {
    const wanted = row.operands.filter((operand) => operand.place !== 'none');
    const inMemory = this.below(2) === 1;
    const taken = new Set<number>([RSP]);
    if (/^(movs|cmps|stos|lods|scas|xlatb|maskmovdqu)$/.test(row.effect.name)) taken.add(RDI);
    if (/^(shld|shrd)$/.test(row.effect.name)) taken.add(RCX);
    const values = wanted.map((operand) => {
      if (operand.kind === 'memory' || (operand.kind === 'rm' && inMemory)) return undefined;
      const value = this.operand(operand, row, mode, end);
      if (operand.file === 'gpr' && typeof value === 'number') taken.add(value);
      return value;
    });
    return values.map((value, i) => {
      if (value !== undefined) return value;
      return this.memory(row, mode, registers, taken, values[i === 0 ? 1 : 0]);
    });
  }

  operand(operand: Operand, row: Instruction, mode: 32 | 64, end: Value): Value {
    switch (operand.kind) {
      case 'relative':
        return end;
      case 'immediate':
        return this.immediate(operand, row);
      case 'offset':
        return WINDOW + MIDDLE;
      default: {
        const limit = mode === 64 ? 16 : operand.width === 8 ? 4 : 8;
        return this.below(limit);
      }
    }
  }

  immediate(operand: Operand, row: Instruction): Value {
    const { name, width } = row.effect;
    if (/^(shld|shrd)$/.test(name) && width === 16) return this.below(17);
    if (name === 'enter') return operand.width === 8 ? this.below(3) : this.below(64);
    if (name === 'ret') return this.below(64);
    const bits = operand.width;
    const value = BigInt.asUintN(bits, this.word());
    return operand.signed ? BigInt.asIntN(bits, value) : value;
  }

  /** An address in the window, by a base, or a base and an index, not among the registers taken. */
  memory(
    row: Instruction,
    mode: 32 | 64,
    registers: bigint[],
    taken: ReadonlySet<number>,
    other: Value | undefined,
  ): Memory {
    const free = Array.from({ length: mode === 64 ? 16 : 8 }, (_, n) => n).filter(
      (n) => !taken.has(n),
    );
    const base = free[this.below(free.length)] as number;
    const aligned = row.operands.some((o) => o.memory >= 128) && !takesUnaligned(row);
    let target = WINDOW + MIDDLE + (aligned ? 0 : this.below(32));
    if (/^bt/.test(row.effect.name) && typeof other === 'number') {
      // The bit number is in a register, which reaches beyond the operand.
      this.#needs.add(other);
      registers[other] = BigInt.asUintN(64, BigInt(this.below(1200) - 600));
      if (row.effect.width === 16) registers[other] = (registers[other] as bigint) & 0xffffn;
      if (row.effect.width === 32) registers[other] = (registers[other] as bigint) & 0xffff_ffffn;
      target &= ~7;
    }
    const displacement =
      this.below(3) === 0 ? 0 : this.below(2) ? this.below(100) : -this.below(5000);
    const index = this.below(2) ? (free[this.below(free.length)] as number) : NONE;
    if (index === NONE || index === base || index === RSP) {
      registers[base] = BigInt(target - displacement);
      return mem(base, displacement);
    }
    this.#needs.add(index);
    const scale = ([1, 2, 4, 8] as const)[this.below(4)] as 1 | 2 | 4 | 8;
    registers[index] = BigInt(this.below(20));
    registers[base] = BigInt(target - displacement) - (registers[index] as bigint) * BigInt(scale);
    return indexed(base, index, scale, displacement);
  }
}

/** AVX takes all memory as it lies, but for moves that say otherwise. */
function takesUnaligned({ encoding, mnemonic }: Instruction): boolean {
  return encoding.vex !== undefined && !/^vmov(ap|dqa|nt)/.test(mnemonic);
}

function usesLabel(row: Instruction): boolean {
  return row.operands.some(({ kind }) => kind === 'relative');
}
