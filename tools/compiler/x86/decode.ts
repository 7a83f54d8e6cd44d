import type { Instruction, Operand } from '../../../spec/x86/instruction.ts';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';
import { type Memory, NONE, type Value } from './operand.ts';

/** One instruction of a code, as {@link print} takes it. */
export interface Decoded {
  readonly instruction: Instruction;
  /** One for each operand that the opcode does not imply; of a branch, the distance. */
  readonly values: readonly Value[];
  /** Bytes, prefixes included. */
  readonly length: number;
  readonly lock: boolean;
  /** The repeat prefix, where it is none of the opcode's: F3, F2 or 0. */
  readonly repeat: number;
}

/** Prefix bytes by the segment registers' numbers. */
const SEGMENT_PREFIXES: readonly number[] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Longest instruction there is. APM3 §1.1. */
const LONGEST = 15;

/** What stands before the opcode. */
interface Head {
  readonly size16: boolean;
  readonly address: boolean;
  readonly repeat: number;
  readonly lock: boolean;
  readonly segment: number;
  /** REX, or VEX's bits in the places of REX: W R X B in bits 3 to 0. */
  readonly rex: number;
  readonly hasRex: boolean;
  readonly vex: { readonly pp: number; readonly l: number; readonly vvvv: number } | undefined;
  readonly map: number;
  readonly opcode: number;
  readonly end: number;
}

/** Rows by map and opcode, VEX apart; the more particular before the more general. */
const index = buildIndex();

/**
 * The instruction at `offset`, by the same table that the encoder works from; undefined if the table has
 * none there or the code ends within it.
 */
export function decode(code: Uint8Array, offset: number, mode: 32 | 64 = 64): Decoded | undefined {
  const head = readHead(code, offset, mode);
  if (head === undefined) return undefined;
  const modrm = code[head.end] ?? -1;
  const rows = index.get(keyOf(head.vex !== undefined, head.map, head.opcode)) ?? [];
  const instruction = rows.find((row) => matches(row, head, modrm, mode));
  if (instruction === undefined) return undefined;
  const reader = new Reader(code, head, instruction, mode);
  const values = reader.values();
  const length = reader.at - offset;
  if (reader.at > code.length || length > LONGEST) return undefined;
  const repeat = instruction.encoding.prefix === head.repeat ? 0 : head.repeat;
  return { instruction, values, length, lock: head.lock, repeat };
}

function keyOf(vex: boolean, map: number, opcode: number): number {
  return (vex ? 0x400 : 0) | (map << 8) | opcode;
}

function buildIndex(): Map<number, Instruction[]> {
  const byKey = new Map<number, Instruction[]>();
  for (const row of INSTRUCTIONS) {
    const { vex, map, opcode, plusRegister } = row.encoding;
    for (let n = 0; n < (plusRegister ? 8 : 1); n++) {
      const key = keyOf(vex !== undefined, map, opcode + n);
      byKey.set(key, [...(byKey.get(key) ?? []), row]);
    }
  }
  for (const rows of byKey.values()) rows.sort((a, b) => rank(b) - rank(a));
  return byKey;
}

function rank({ encoding, alias }: Instruction): number {
  const modrm = { byte: 2, digit: 1, register: 0, none: 0 }[encoding.modrm];
  return (
    modrm * 16 +
    (encoding.prefix ? 8 : 0) +
    (encoding.rexW ? 4 : 0) +
    (encoding.plusRegister ? 0 : 2) +
    (alias ? 0 : 1)
  );
}

function readHead(code: Uint8Array, offset: number, mode: 32 | 64): Head | undefined {
  let at = offset;
  let size16 = false;
  let address = false;
  let repeat = 0;
  let lock = false;
  let segment = NONE;
  for (; ; at++) {
    const byte = code[at] ?? -1;
    if (byte === 0x66) size16 = true;
    else if (byte === 0x67) address = true;
    else if (byte === 0xf2 || byte === 0xf3) repeat = byte;
    else if (byte === 0xf0) lock = true;
    else if (SEGMENT_PREFIXES.includes(byte)) segment = SEGMENT_PREFIXES.indexOf(byte);
    else break;
  }
  const first = code[at] ?? -1;
  const second = code[at + 1] ?? -1;
  // In 32-bit mode C4 and C5 are LES and LDS unless ModRM names a register.
  if ((first === 0xc4 || first === 0xc5) && (mode === 64 || second >= 0xc0)) {
    return readVex(code, at, { size16, address, repeat, lock, segment });
  }
  const hasRex = mode === 64 && (first & 0xf0) === 0x40;
  if (hasRex) at++;
  let map = 0;
  if (code[at] === 0x0f) {
    at++;
    map = code[at] === 0x38 ? 2 : code[at] === 0x3a ? 3 : 1;
    if (map > 1) at++;
  }
  const opcode = code[at];
  if (opcode === undefined) return undefined;
  return {
    size16,
    address,
    repeat,
    lock,
    segment,
    rex: hasRex ? first & 15 : 0,
    hasRex,
    vex: undefined,
    map,
    opcode,
    end: at + 1,
  };
}

function readVex(
  code: Uint8Array,
  at: number,
  common: Pick<Head, 'size16' | 'address' | 'repeat' | 'lock' | 'segment'>,
): Head | undefined {
  const long = code[at] === 0xc4;
  const high = code[at + 1] ?? 0;
  const low = long ? (code[at + 2] ?? 0) : high;
  const opcode = code[at + (long ? 3 : 2)];
  if (opcode === undefined) return undefined;
  // R, X and B are inverted.
  const extension = long ? (~high >> 5) & 7 : (~high >> 5) & 4;
  return {
    ...common,
    rex: (long ? (low >> 4) & 8 : 0) | extension,
    hasRex: false,
    vex: { pp: low & 3, l: (low >> 2) & 1, vvvv: (~low >> 3) & 15 },
    map: long ? high & 31 : 1,
    opcode,
    end: at + (long ? 4 : 3),
  };
}

function matches(row: Instruction, head: Head, modrm: number, mode: 32 | 64): boolean {
  const { encoding, modes, operands } = row;
  if (!(mode === 64 ? modes.long64 : modes.protected32)) return false;
  const wide = (head.rex & 8) !== 0;
  if (encoding.vex) {
    const { vex } = head;
    if (vex?.pp !== encoding.vex.pp || vex.l !== encoding.vex.l) return false;
    if (encoding.vex.w !== undefined && (encoding.vex.w === 1) !== wide) return false;
  } else {
    if (encoding.noPrefix && (head.size16 || head.repeat !== 0)) return false;
    if (encoding.prefix === 0x66 ? !head.size16 || head.repeat !== 0 : false) return false;
    if (encoding.prefix > 0x66 && head.repeat !== encoding.prefix) return false;
    if (encoding.rexW && !wide) return false;
    const size = wide ? 64 : head.size16 && encoding.prefix !== 0x66 ? 16 : 32;
    const wanted = encoding.default64 && size === 32 ? 32 : encoding.operandSize;
    const known = encoding.operandSize === 0 || wanted === size;
    // REX.W has no form of its own here: it changes nothing.
    const ignored = wide && encoding.operandSize === 32 && !hasWide(row);
    if (!known && !ignored) return false;
    const address = mode === 64 ? (head.address ? 32 : 64) : head.address ? 16 : 32;
    if (encoding.addressSize !== 0 && encoding.addressSize !== address) return false;
  }
  // 90 exchanges rAX with itself; with REX.B it is another register, and a real exchange.
  if (row.id === 'nop' && (head.rex & 1) !== 0) return false;
  if (encoding.modrm === 'byte') return modrm === encoding.digit;
  if (encoding.modrm === 'digit' && ((modrm >> 3) & 7) !== encoding.digit) return false;
  const rm = operands.find((o) => o.place === 'rm');
  if (rm?.kind === 'register' && modrm < 0xc0 && !ignoresMod(row)) return false;
  return !(rm?.kind === 'memory' && modrm >= 0xc0);
}

/** Moves to and from control and debug registers take ModRM.mod for 3, whatever it is. APM3 §4. */
function ignoresMod({ operands }: Instruction): boolean {
  return operands.some(({ file }) => file === 'control' || file === 'debug');
}

/** Whether this encoding has a form for 64-bit operands too. */
function hasWide({ encoding }: Instruction): boolean {
  const { map, opcode, digit, prefix } = encoding;
  return (index.get(keyOf(false, map, opcode)) ?? []).some(
    ({ encoding: other }) =>
      other.operandSize === 64 && other.digit === digit && other.prefix === prefix,
  );
}

/** Reads the operands, from ModRM on. */
class Reader {
  at: number;
  private readonly code: Uint8Array;
  private readonly head: Head;
  private readonly row: Instruction;
  private readonly mode: 32 | 64;

  constructor(code: Uint8Array, head: Head, row: Instruction, mode: 32 | 64) {
    this.code = code;
    this.head = head;
    this.row = row;
    this.mode = mode;
    this.at = head.end;
  }

  values(): Value[] {
    const { rex, opcode, vex } = this.head;
    const { encoding, operands } = this.row;
    let reg = 0;
    let rm: Value = 0;
    if (encoding.modrm === 'byte') this.at++;
    else if (encoding.modrm !== 'none') {
      const modrm = this.code[this.at++] ?? 0;
      reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
      rm =
        modrm >= 0xc0 || ignoresMod(this.row) ? (modrm & 7) | ((rex & 1) << 3) : this.memory(modrm);
    }
    const immediates = encoding.immediates.map((size) => this.immediate(size));
    return operands
      .filter((o) => o.place !== 'none')
      .flatMap((operand): Value[] => {
        switch (operand.place) {
          case 'reg':
            return [reg];
          case 'rm':
            return [rm];
          case 'vvvv':
            return [vex?.vvvv ?? 0];
          case 'opcode':
            return [(opcode & 7) | ((rex & 1) << 3)];
          default: {
            const count = operand.kind === 'far' ? 2 : 1;
            return immediates.splice(0, count).map((value) => extended(value, operand));
          }
        }
      });
  }

  private memory(modrm: number): Memory {
    const { rex, segment, address } = this.head;
    const common = {
      segment,
      symbol: undefined,
      label: undefined,
      address32: this.mode === 64 && address,
      scale: 1,
      index: NONE,
      relative: false,
    } as const;
    const mod = modrm >> 6;
    let base = (modrm & 7) | ((rex & 1) << 3);
    let more: Pick<Memory, 'index' | 'scale'> = common;
    if ((modrm & 7) === 4) {
      const sib = this.code[this.at++] ?? 0;
      const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
      base = (sib & 7) | ((rex & 1) << 3);
      if (index !== 4) more = { index, scale: (1 << (sib >> 6)) as Memory['scale'] };
      if ((sib & 7) === 5 && mod === 0) base = NONE;
    } else if ((modrm & 7) === 5 && mod === 0) {
      const displacement = Number(this.immediate(4));
      return { ...common, base: NONE, relative: this.mode === 64, displacement };
    }
    const size = base === NONE ? 4 : [0, 1, 4][mod];
    return { ...common, ...more, base, displacement: Number(this.immediate(size ?? 0)) };
  }

  /** A number of `size` bytes, sign-extended; -1 for as many as an address has. */
  private immediate(size: number): bigint {
    const bytes = size < 0 ? (this.mode === 64 && !this.head.address ? 8 : 4) : size;
    let value = 0n;
    for (let n = 0; n < bytes; n++) value |= BigInt(this.code[this.at + n] ?? 0) << BigInt(8 * n);
    this.at += bytes;
    return BigInt.asIntN(8 * bytes, value);
  }
}

/** An immediate as its operand has it: signed only where it is extended. */
function extended(value: bigint, operand: Operand): bigint {
  if (operand.signed) return value;
  const width = operand.kind === 'offset' ? 64 : operand.kind === 'far' ? 32 : operand.width;
  return BigInt.asUintN(width, value);
}
