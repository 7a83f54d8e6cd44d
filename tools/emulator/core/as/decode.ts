/** From instruction bytes to records, by the tables that decoder-tables.ts made. */
import { DECODER } from '../memory-map';
import * as Row from '../row-format';
import * as Effect from './effects';
import * as Record from './record';
import { DESTINATION, FORM, IMMEDIATE, LINK, OPERATION } from './record';
import { PAGE_MASK } from './tlb';

/** Beside the record: what came of the bytes. */
export let length: u32 = 0;
/** Nothing follows in the block. */
export let ends: bool = false;
/** The bytes did not suffice. */
export let overrun: bool = false;

let cursor: usize = 0;
let limit: usize = 0;
let start: usize = 0;

let rex: u32 = 0;
let modrm: u32 = 0;
let segment: u32 = 0; // override: number + 1
let addressSize: u32 = 0; // 0: 16, 1: 32, 2: 64 bits
let base: u32 = 0;
let index: u32 = 0;
let scale: u32 = 0;
let displacement: i64 = 0;
let ripRelative: bool = false;
let stackBase: bool = false;

/** Segment of an ADDRESS record that is not to be added: lea. */
export const NO_SEGMENT: u32 = 7;

function byte(): u32 {
  if (cursor >= limit) {
    overrun = true;
    return 0;
  }
  const value: u32 = load<u8>(cursor);
  cursor++;
  return value;
}

function immediate(size: u32): u64 {
  if (cursor + size > limit) {
    overrun = true;
    return 0;
  }
  const at = cursor;
  cursor += size;
  if (size === 1) return load<u8>(at);
  if (size === 2) return load<u16>(at);
  return size === 4 ? load<u32>(at) : load<u64>(at);
}

function extend(value: u64, size: u32): u64 {
  const shift: u64 = 64 - ((<u64>size) << 3);
  return <u64>(<i64>(value << shift) >> shift);
}

/** A record that raises #UD, or says that no row fits, or #GP for an instruction of more than 15 bytes. */
function special(p: usize, operation: u16): usize {
  store<u16>(p, operation, OPERATION);
  ends = true;
  return p + Record.RECORD_SIZE;
}

/**
 * Decodes the instruction whose bytes are from `from` up to `to`, to records at `p`; `rip` is its
 * linear address, `long` tells 64-bit mode. Gives where the next record goes. The fields that are
 * the same for all records (page, offset, count) are the caller's.
 */
export function decodeOne(p: usize, from: usize, to: usize, rip: u64, long: bool): usize {
  start = cursor = from;
  limit = to;
  rex = 0;
  segment = 0;
  ends = false;
  overrun = false;
  let prefixes: u32 = 0;
  let key: u32 = 0;
  let short = false; // address-size prefix
  let opcode: u32 = 0;
  for (;;) {
    opcode = byte();
    if (overrun) return p;
    if (opcode === 0x66) key |= Row.KEY_66;
    else if (opcode === 0x67) short = true;
    else if (opcode === 0xf2) key = (key & ~Row.KEY_F3) | Row.KEY_F2;
    else if (opcode === 0xf3) key = (key & ~Row.KEY_F2) | Row.KEY_F3;
    else if (opcode === 0xf0) prefixes |= Record.PREFIX_LOCK;
    else if ((opcode & 0xe7) === 0x26) {
      // ES, CS, SS, DS: without effect in 64-bit mode.
      if (!long) segment = ((opcode >> 3) & 3) + 1;
    } else if (opcode === 0x64 || opcode === 0x65) segment = opcode - 0x64 + 5;
    else if (long && (opcode & 0xf0) === 0x40) {
      // A REX prefix counts only right before the opcode.
      rex = opcode;
      continue;
    } else break;
    rex = 0;
    if (cursor - start > 14) return special(p, Record.TOO_LONG);
  }
  if ((key & Row.KEY_F3) !== 0) prefixes |= Record.PREFIX_REP;
  if ((key & Row.KEY_F2) !== 0) prefixes |= Record.PREFIX_REPNE;
  if ((key & Row.KEY_66) !== 0) prefixes |= Record.PREFIX_OPERAND;
  if ((rex & 8) !== 0) prefixes |= Record.PREFIX_REX_W;
  let map: u32 = 0;
  let vvvv: u32 = 0;
  if (opcode === 0x0f) {
    opcode = byte();
    map = 1;
    if (opcode === 0x38 || opcode === 0x3a) {
      map = opcode === 0x38 ? 2 : 3;
      opcode = byte();
    }
  } else if (opcode === 0xc4 || opcode === 0xc5) {
    const next: u32 = cursor < limit ? load<u8>(cursor) : 0;
    if (cursor >= limit) {
      overrun = true;
      return p;
    }
    if (long || (next & 0xc0) === 0xc0) {
      // Prefixes of the older kind cannot come before VEX. APM3 §1.2.7
      if (rex !== 0 || (key & (Row.KEY_66 | Row.KEY_F2 | Row.KEY_F3)) !== 0) {
        return special(p, Record.UNDEFINED);
      }
      let second = byte();
      if (opcode === 0xc5) {
        rex = (second & 0x80) !== 0 ? 0 : 4;
        map = 4;
      } else {
        rex = ((second >> 5) & 7) ^ 7;
        map = 3 + (second & 0x1f);
        if (map < 4 || map > 6) return special(p, Record.UNKNOWN);
        second = byte();
        if ((second & 0x80) !== 0 && long) rex |= 8;
      }
      vvvv = ((second >> 3) & 15) ^ 15;
      if ((second & 4) !== 0) key |= Row.KEY_VEX_L;
      key |= (second & 3) << Row.KEY_VEX_PP_SHIFT;
      opcode = byte();
    }
  }
  if (overrun) return p;
  if ((rex & 8) !== 0) key |= Row.KEY_REX_W | Row.KEY_SIZE64;
  else key |= (key & Row.KEY_66) !== 0 ? Row.KEY_SIZE16 : Row.KEY_SIZE32;
  if ((rex & 1) !== 0) key |= Row.KEY_REX_B;
  addressSize = long ? (short ? 1 : 2) : short ? 0 : 1;
  key |= Row.KEY_ADDRESS16 << addressSize;

  const cell = ((long ? Row.INDEX_MAPS : 0) + map) * 256 + opcode;
  const entry = load<u32>(DECODER + cell * 4);
  const count = (entry >> Row.INDEX_COUNT_SHIFT) & 0xff;
  const hasModrm = (entry & Row.INDEX_MODRM) !== 0;
  if (count === 0) return special(p, Record.UNKNOWN);
  if (hasModrm) {
    modrm = byte();
    if (overrun) return p;
    key |= modrm << Row.KEY_MODRM_SHIFT;
    if (modrm >= 0xc0) key |= Row.KEY_REGISTER;
  }
  const list = DECODER + Row.LISTS + (entry & 0xffff) * 2;
  for (let i: u32 = 0; i < count; i++) {
    const number: u32 = load<u16>(list + i * 2);
    const row = DECODER + Row.ROWS + number * Row.ROW_SIZE;
    if ((key & load<u32>(row, Row.ROW_MASK)) === load<u32>(row, Row.ROW_KEY)) {
      return build(p, row, number, opcode, vvvv, prefixes, hasModrm, rip, long);
    }
  }
  return special(p, Record.UNKNOWN);
}

/** Fills the record, after one for the address where the operation's own terms cannot give it. */
function build(
  p: usize,
  row: usize,
  number: u32,
  opcode: u32,
  vvvv: u32,
  prefixes: u32,
  hasModrm: bool,
  rip: u64,
  long: bool,
): usize {
  const flags: u32 = load<u8>(row, Row.ROW_FLAGS);
  let inMemory = hasModrm && modrm < 0xc0 && (flags & Row.FLAG_REGISTER) === 0;
  base = Record.ZERO_REGISTER;
  index = Record.ZERO_REGISTER;
  scale = 0;
  displacement = 0;
  ripRelative = false;
  stackBase = false;
  if (inMemory) {
    if (addressSize === 0) address16();
    else address();
  }
  let value = immediates(row, flags);
  let form: u32 = addressSize === 1 ? Record.FORM_ADDRESS32 : 0;
  if (addressSize === 0) form |= Record.FORM_ADDRESS16;
  for (let i: u32 = 0; i < 3; i++) {
    const spec: u32 = load<u8>(row + i, Row.ROW_OPERANDS);
    const place = spec & 15;
    let n: u32 = 0;
    if (place === Row.PLACE_NONE) continue;
    if (place === Row.PLACE_REG) n = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    else if (place === Row.PLACE_RM) {
      if (inMemory) {
        form |= Record.FORM_MEMORY0 << i;
        continue;
      }
      n = (modrm & 7) | ((rex & 1) << 3);
    } else if (place === Row.PLACE_OPCODE) n = (opcode & 7) | ((rex & 1) << 3);
    else if (place === Row.PLACE_VVVV) n = vvvv;
    else if (place === Row.PLACE_FIXED) n = load<u8>(row + i, Row.ROW_FIXED);
    else if (place === Row.PLACE_OFFSET) {
      form |= Record.FORM_MEMORY0 << i;
      inMemory = true;
      displacement = <i64>value;
      continue;
    } else {
      if (place === Row.PLACE_ONE) value = 1;
      if (i === 1) form |= Record.FORM_IMMEDIATE1;
      continue;
    }
    const register = registerOffset(spec >> 4, n, place === Row.PLACE_FIXED);
    if (i < 2) store<u8>(p + i, <u8>register, DESTINATION);
    else {
      value = register;
      form |= Record.FORM_REGISTER2;
    }
  }
  length = <u32>(cursor - start);
  if (overrun) return p;
  if (length > 15) return special(p, Record.TOO_LONG);
  if ((prefixes & Record.PREFIX_LOCK) !== 0) {
    const locks = (flags & Row.FLAG_LOCK) !== 0 && (form & Record.FORM_MEMORY0) !== 0;
    if (!locks) return special(p, Record.UNDEFINED);
  }
  const avx: u32 = load<u8>(row, Row.ROW_AVX);
  if (avx === Row.AVX_SAME && vvvv !== 0) return special(p, Record.UNDEFINED);
  if (avx === Row.AVX_FIRST_VVVV) prefixes |= vvvv;
  else if (avx === Row.AVX_FIRST_RM) prefixes |= (modrm & 7) | ((rex & 1) << 3);
  const next = rip + length;
  const isRelative = (load<u8>(row, Row.ROW_OPERANDS) & 15) === Row.PLACE_RELATIVE;
  if (isRelative) {
    value = branchTarget(next + value, load<u8>(row, Row.ROW_WIDTH), long);
  }
  if (ripRelative) displacement += <i64>next;
  ends = (flags & Row.FLAG_ENDS) !== 0;
  const access: u32 = load<u8>(row, Row.ROW_ACCESS);
  let at = p;
  if (inMemory && !plainAddress(long, row)) {
    at = p + Record.RECORD_SIZE;
    memory.copy(at, p, Record.RECORD_SIZE);
    const isLea = load<u16>(row, Row.ROW_EFFECT) === Effect.LEA;
    const by = isLea ? NO_SEGMENT : segment !== 0 ? segment - 1 : stackBase ? 2 : 3;
    store<u16>(p, Record.ADDRESS, OPERATION);
    writeAddress(p, 0);
    store<u64>(p, <u64>displacement, IMMEDIATE);
    store<u8>(p, <u8>access, Record.WIDTH);
    store<u8>(p, <u8>form, FORM);
    store<u8>(p, <u8>((by << Record.PREFIX_SEGMENT_SHIFT) & 0xff), Record.PREFIXES);
    base = Record.ADDRESS_REGISTER;
    index = Record.ZERO_REGISTER;
    scale = 0;
    displacement = 0;
  }
  let operation: u16 = load<u16>(
    row + (inMemory ? Row.ROW_MEMORY_OPERATION - Row.ROW_REGISTER_OPERATION : 0),
    Row.ROW_REGISTER_OPERATION,
  );
  if (!long && (flags & Row.FLAG_LONG_MODE) !== 0) operation = Record.SLOW;
  if (isRelative && operation !== Record.SLOW && ((value ^ rip) & PAGE_MASK) === 0) {
    // The operation for a target in the same page is the next one.
    operation++;
  }
  store<u16>(at, operation, OPERATION);
  if (inMemory) writeAddress(at, displacement);
  // What does not need the address' fields may find its condition there.
  else store<u8>(at, load<u8>(row, Row.ROW_CONDITION), Record.BASE);
  store<u64>(at, value, IMMEDIATE);
  if (operation === Record.SLOW) {
    store<u16>(at, <u16>number, Record.ROW);
    store<u8>(at, load<u8>(row, Row.ROW_WIDTH), Record.WIDTH);
    store<u8>(at, <u8>form, FORM);
  } else store<u32>(at, 0, LINK);
  if (segment !== 0) prefixes |= segment << Record.PREFIX_SEGMENT_SHIFT;
  store<u8>(at, <u8>prefixes, Record.PREFIXES);
  return at + Record.RECORD_SIZE;
}

/** Whether base + (index << scale) + displacement is the linear address, with 32 bits of displacement. */
function plainAddress(long: bool, row: usize): bool {
  if (!long || addressSize !== 2) return false;
  if (displacement !== <i64>(<i32>displacement)) return false;
  return segment < 5 || load<u16>(row, Row.ROW_EFFECT) === Effect.LEA;
}

function writeAddress(p: usize, offset: i64): void {
  store<u8>(p, <u8>base, Record.BASE);
  store<u8>(p, <u8>index, Record.INDEX);
  store<u8>(p, <u8>scale, Record.SCALE);
  store<i32>(p, <i32>offset, Record.DISPLACEMENT);
}

function registerOffset(file: u32, n: u32, fixed: bool): u32 {
  if (file === Row.FILE_XMM) return n << 4;
  if (file === Row.FILE_NUMBER) return n;
  // Without REX, 4 to 7 name the second bytes of the first four registers.
  if (file === Row.FILE_GPR8 && rex === 0 && n > 3 && !fixed) return ((n - 4) << 3) + 1;
  return n << 3;
}

/** The immediates together: the second, where there is one, above the first. */
function immediates(row: usize, flags: u32): u64 {
  let size: u32 = load<u8>(row, Row.ROW_IMMEDIATES);
  if (size === 0) return 0;
  if (size === Row.IMMEDIATE_ADDRESS) size = (<u32>2) << addressSize;
  let value = immediate(size);
  if ((flags & Row.FLAG_IMMEDIATE_SIGNED) !== 0) value = extend(value, size);
  const second: u32 = load<u8>(row + 1, Row.ROW_IMMEDIATES);
  if (second === 0) return value;
  // enter: size, then nesting; far pointers: offset, then selector.
  return value | (immediate(second) << (size === 2 && second === 1 ? 16 : 32));
}

function branchTarget(target: u64, width: u32, long: bool): u64 {
  if (width === 2) return target & 0xffff;
  return long ? target : target & 0xffff_ffff;
}

/** ModRM, SIB and displacement for 32- and 64-bit addresses. APM3 §1.4. */
function address(): void {
  const mod = modrm >> 6;
  let rm = modrm & 7;
  if (rm === 4) {
    const sib = byte();
    scale = sib >> 6;
    const indexNumber = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (indexNumber !== 4) index = indexNumber << 3;
    rm = sib & 7;
    if (rm === 5 && mod === 0) {
      displacement = <i64>(<i32>(<u32>immediate(4)));
      return;
    }
    base = (rm | ((rex & 1) << 3)) << 3;
    stackBase = base === 0x20 || base === 0x28;
  } else if (rm === 5 && mod === 0) {
    displacement = <i64>(<i32>(<u32>immediate(4)));
    ripRelative = addressSize === 2 || ripRelativeWithPrefix;
    return;
  } else {
    base = (rm | ((rex & 1) << 3)) << 3;
    stackBase = base === 0x28;
  }
  if (mod === 1) displacement = <i64>(<i8>byte());
  else if (mod === 2) displacement = <i64>(<i32>(<u32>immediate(4)));
}

/** 64-bit mode, for whose 32-bit addresses, too, ModRM 05 is relative to RIP. */
let ripRelativeWithPrefix: bool = false;

export function setLongMode(long: bool): void {
  ripRelativeWithPrefix = long;
}

/** ModRM and displacement for 16-bit addresses. APM3 §1.4.1. */
function address16(): void {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (rm === 6 && mod === 0) {
    displacement = <i64>immediate(2);
    return;
  }
  // BX, BP, SI and DI, in pairs and alone.
  if (rm < 2 || rm === 7) base = 0x18;
  else if (rm === 2 || rm === 3 || rm === 6) base = 0x28;
  else base = rm === 4 ? 0x30 : 0x38;
  if (rm < 4) index = (rm & 1) === 0 ? 0x30 : 0x38;
  stackBase = base === 0x28;
  if (mod === 1) displacement = <i64>(<i8>byte());
  else if (mod === 2) displacement = <i64>(<i16>(<u16>immediate(2)));
}
