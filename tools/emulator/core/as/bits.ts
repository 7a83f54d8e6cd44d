/** Shifts, rotates, bit tests, scans and counts by effect. APM3 §3. */
import { RFLAGS_AF, RFLAGS_CF, RFLAGS_OF, RFLAGS_ZF } from '../../../../spec/cpu';
import { BOUNCE_END, finishWrite, modifyPointer, readMemory, storeSized } from './access';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { flag, setFlags, setResult } from './flags';
import { highProduct } from './integer';
import {
  addressOf,
  close0,
  failed,
  get1,
  get2,
  isMemory0,
  loadSized,
  open0,
  readRegister,
  signed,
  throughStack,
  truncate,
  writeRegister,
} from './operand';
import { DESTINATION, FORM, FORM_IMMEDIATE1, SOURCE } from './record';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function bits(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.ROL:
    case Effect.ROR:
    case Effect.RCL:
    case Effect.RCR:
    case Effect.SHL:
    case Effect.SHR:
    case Effect.SAR:
      shift(p, effect, n);
      return true;
    case Effect.SHLD:
    case Effect.SHRD:
      shiftDouble(p, effect === Effect.SHLD, n);
      return true;
    case Effect.BT:
    case Effect.BTS:
    case Effect.BTR:
    case Effect.BTC:
      bitTest(p, effect, n);
      return true;
    case Effect.POPCNT: {
      const value = get1(p, n);
      if (failed()) return true;
      setResult(n, 1, false, false);
      setFlags(0xc4, value === 0 ? RFLAGS_ZF : 0);
      writeRegister(load<u8>(p, DESTINATION), n, popcnt<u64>(value));
      return true;
    }
    case Effect.TZCNT:
    case Effect.LZCNT:
    case Effect.BSF:
    case Effect.BSR:
      scan(p, effect, n);
      return true;
    case Effect.CRC32:
      crc32(p, n);
      return true;
    default:
      return vexInteger(p, effect, n);
  }
}

/** Rotates `a`, of `n` bytes, left. */
function rotateLeft(a: u64, count: u64, n: u32): u64 {
  const width: u64 = (<u64>n) << 3;
  const by = count % width;
  return by === 0 ? a : truncate((a << by) | (a >> (width - by)), n);
}

/** `value >> count` for any count. */
function shiftRight(value: u64, count: u64): u64 {
  return count > 63 ? 0 : value >> count;
}

function shift(p: usize, effect: u32, n: u32): void {
  const count = get1(p, 1) & (n === 8 ? 63 : 31);
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  if (count === 0) {
    close0(p, at, n, a);
    return;
  }
  const width: u64 = (<u64>n) << 3;
  const top = width - 1;
  let result: u64;
  let carry: bool;
  let over: bool;
  switch (effect) {
    case Effect.ROL:
      result = rotateLeft(a, count, n);
      carry = (result & 1) !== 0;
      over = ((result >> top) & 1) !== (result & 1);
      break;
    case Effect.ROR:
      result = rotateLeft(a, width - (count % width), n);
      carry = ((result >> top) & 1) !== 0;
      over = ((result >> top) & 1) !== ((result >> (top - 1)) & 1);
      break;
    case Effect.RCL:
    case Effect.RCR: {
      // Through the carry: width + 1 bits go round, one step at a time.
      let c: u64 = flag(RFLAGS_CF) ? 1 : 0;
      result = a;
      for (let i = count % (width + 1); i > 0; i--) {
        if (effect === Effect.RCL) {
          const out = (result >> top) & 1;
          result = truncate((result << 1) | c, n);
          c = out;
        } else {
          const out = result & 1;
          result = (result >> 1) | (c << top);
          c = out;
        }
      }
      carry = c !== 0;
      over =
        effect === Effect.RCL
          ? ((result >> top) & 1) !== c
          : ((result >> top) & 1) !== ((result >> (top - 1)) & 1);
      break;
    }
    case Effect.SHL:
      result = truncate(a << count, n);
      carry = count <= width && ((a >> (width - count)) & 1) !== 0;
      over = (((result >> top) & 1) !== 0) !== carry;
      break;
    case Effect.SHR:
      result = a >> count;
      carry = ((a >> (count - 1)) & 1) !== 0;
      over = ((a >> top) & 1) !== 0;
      break;
    default: {
      const x = signed(a, n);
      result = truncate(<u64>(x >> count), n);
      carry = ((x >> (count - 1)) & 1) !== 0;
      over = false;
    }
  }
  const rotates =
    effect === Effect.ROL ||
    effect === Effect.ROR ||
    effect === Effect.RCL ||
    effect === Effect.RCR;
  if (rotates) {
    setFlags(RFLAGS_CF | RFLAGS_OF, (carry ? RFLAGS_CF : 0) | (over ? RFLAGS_OF : 0));
  } else setResult(n, result, carry, over);
  close0(p, at, n, result);
}

function shiftDouble(p: usize, left: bool, n: u32): void {
  const count = get2(p, 1) & (n === 8 ? 63 : 31);
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  const b = readRegister(load<u8>(p, SOURCE), n);
  const width: u64 = (<u64>n) << 3;
  if (count === 0) {
    close0(p, at, n, a);
    return;
  }
  let result: u64;
  let carry: bool;
  if (count > width) {
    // 16 bits by more than 16: the manual leaves the result undefined; the two go round.
    const by = count - width;
    result = left ? (b << by) | (a >> (width - by)) : (b >> by) | (a << (width - by));
    carry = left ? ((b >> (width - by)) & 1) !== 0 : ((b >> (by - 1)) & 1) !== 0;
  } else if (left) {
    result = (count === 64 ? 0 : a << count) | shiftRight(b, width - count);
    carry = ((a >> (width - count)) & 1) !== 0;
  } else {
    result = shiftRight(a, count) | (width === count ? b : b << (width - count));
    carry = ((a >> (count - 1)) & 1) !== 0;
  }
  result = truncate(result, n);
  const top = width - 1;
  setResult(n, result, carry, (a ^ result) >> top !== 0);
  close0(p, at, n, result);
}

function bitTest(p: usize, effect: u32, n: u32): void {
  const byImmediate = (load<u8>(p, FORM) & FORM_IMMEDIATE1) !== 0;
  const index = signed(get1(p, n), n);
  const width: i64 = (<i64>n) << 3;
  const bit: u64 = 1 << (<u64>index & <u64>(width - 1));
  let at: usize;
  if (isMemory0(p)) {
    // A register's bit number reaches beyond the operand, either way.
    const units = byImmediate ? 0 : index >> (n === 8 ? 6 : n === 4 ? 5 : 4);
    const linear = addressOf(p) + <u64>(units * n);
    if (effect === Effect.BT) {
      const value = readMemory(linear, n, throughStack(p));
      if (!failed()) setFlags(RFLAGS_CF, (value & bit) !== 0 ? RFLAGS_CF : 0);
      return;
    }
    at = modifyPointer(linear, n, throughStack(p));
    if (at === 0) return;
  } else at = Cpu.FIRST + load<u8>(p, DESTINATION);
  const value = loadSized(at, n);
  setFlags(RFLAGS_CF, (value & bit) !== 0 ? RFLAGS_CF : 0);
  if (effect === Effect.BT) return;
  const result =
    effect === Effect.BTS ? value | bit : effect === Effect.BTR ? value & ~bit : value ^ bit;
  if (!isMemory0(p)) {
    writeRegister(load<u8>(p, DESTINATION), n, result);
    return;
  }
  storeSized(at, n, result);
  if (at < BOUNCE_END) finishWrite();
}

function scan(p: usize, effect: u32, n: u32): void {
  const value = get1(p, n);
  if (failed()) return;
  const to: u32 = load<u8>(p, DESTINATION);
  const width: u64 = (<u64>n) << 3;
  let result: u64;
  if (effect === Effect.TZCNT || effect === Effect.LZCNT) {
    if (value === 0) result = width;
    else result = effect === Effect.TZCNT ? ctz<u64>(value) : clz<u64>(value) - (64 - width);
    setFlags(RFLAGS_CF | RFLAGS_ZF, (value === 0 ? RFLAGS_CF : 0) | (result === 0 ? RFLAGS_ZF : 0));
  } else {
    setFlags(RFLAGS_ZF, value === 0 ? RFLAGS_ZF : 0);
    // The destination keeps its value, all 64 bits of it, for a source of zero. APM3, BSF
    if (value === 0) return;
    result = effect === Effect.BSF ? ctz<u64>(value) : 63 - clz<u64>(value);
  }
  writeRegister(to, n, result);
}

/** CRC-32C, bit-reflected polynomial 82F63B78. */
function crc32(p: usize, n: u32): void {
  const value = get1(p, n);
  if (failed()) return;
  const to: u32 = load<u8>(p, DESTINATION);
  let crc: u64 = readRegister(to, 4) ^ truncate(value, n < 4 ? n : 4);
  let rest = n === 8 ? value >> 32 : 0;
  for (let i: u32 = 0; i < n * 8; i++) {
    if (i === 32) {
      crc ^= rest;
      rest = 0;
    }
    crc = (crc >> 1) ^ ((crc & 1) !== 0 ? 0x82f6_3b78 : 0);
  }
  writeRegister(to, 8, crc);
}

/** BMI1 and BMI2. */
function vexInteger(p: usize, effect: u32, n: u32): bool {
  const width: u64 = (<u64>n) << 3;
  const a = get1(p, n);
  if (failed()) return true;
  let result: u64;
  switch (effect) {
    case Effect.ANDN: {
      const b = get2(p, n);
      if (failed()) return true;
      result = ~a & b;
      setLogic(n, result, false);
      break;
    }
    case Effect.BEXTR: {
      const control = get2(p, n);
      const from = control & 0xff;
      const count = (control >> 8) & 0xff;
      result = shiftRight(a, from);
      if (count < 64) result &= ((<u64>1) << count) - 1;
      setLogic(n, result, false);
      break;
    }
    case Effect.BLSR:
      result = a & (a - 1);
      setLogic(n, result, a === 0);
      break;
    case Effect.BLSMSK:
      result = a ^ (a - 1);
      setLogic(n, result, a === 0);
      break;
    case Effect.BLSI:
      result = a & (0 - a);
      setLogic(n, result, a !== 0);
      break;
    case Effect.BZHI: {
      const from = get2(p, n) & 0xff;
      result = from < width ? a & (((<u64>1) << from) - 1) : a;
      setLogic(n, result, from >= width);
      break;
    }
    case Effect.PDEP:
    case Effect.PEXT: {
      const mask = get2(p, n);
      if (failed()) return true;
      result = effect === Effect.PDEP ? deposit(a, mask) : extract(a, mask);
      break;
    }
    case Effect.MULX: {
      const b = get2(p, n);
      if (failed()) return true;
      const x = readRegister(16, n);
      const low = n === 8 ? x * b : truncate(x * b, 4);
      const high = n === 8 ? highProduct(x, b) : (x * b) >> 32;
      writeRegister(load<u8>(p, SOURCE), n, low);
      writeRegister(load<u8>(p, DESTINATION), n, high);
      return true;
    }
    case Effect.SHLX:
      result = a << (get2(p, n) & (width - 1));
      break;
    case Effect.SHRX:
      result = a >> (get2(p, n) & (width - 1));
      break;
    case Effect.SARX:
      result = <u64>(signed(a, n) >> (<i64>get2(p, n) & <i64>(width - 1)));
      break;
    case Effect.RORX:
      result = rotateLeft(a, width - ((get2(p, 1) & (width - 1)) % width), n);
      break;
    default:
      return false;
  }
  writeRegister(load<u8>(p, DESTINATION), n, truncate(result, n));
  return true;
}

/** Flags of the BMI group: SF and ZF by the result, CF as given, OF clear. */
function setLogic(n: u32, result: u64, carry: bool): void {
  setResult(n, truncate(result, n), carry, false);
  setFlags(RFLAGS_AF, 0);
}

function deposit(value: u64, mask: u64): u64 {
  let result: u64 = 0;
  while (mask !== 0) {
    const lowest = mask & (0 - mask);
    if ((value & 1) !== 0) result |= lowest;
    value >>= 1;
    mask ^= lowest;
  }
  return result;
}

function extract(value: u64, mask: u64): u64 {
  let result: u64 = 0;
  for (let bit: u64 = 1; mask !== 0; bit <<= 1) {
    const lowest = mask & (0 - mask);
    if ((value & lowest) !== 0) result |= bit;
    mask ^= lowest;
  }
  return result;
}
