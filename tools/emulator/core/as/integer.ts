/** Integer arithmetic, logic and moves by effect. APM3 §3. */
import {
  RFLAGS_AF,
  RFLAGS_CF,
  RFLAGS_OF,
  RFLAGS_PF,
  RFLAGS_SF,
  RFLAGS_ZF,
  VECTOR_DE,
} from '../../../../spec/cpu';
import { ROW_SOURCE } from '../row-format';
import { BOUNCE_END, finishWrite, modifyPointer } from './access';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { raise, raiseGp } from './fault';
import {
  ADD,
  condition,
  DEC,
  flag,
  INC,
  LOGIC,
  SUB,
  setArithmetic,
  setFlags,
  setResult,
} from './flags';
import {
  addressOf,
  close0,
  failed,
  get0,
  get1,
  get2,
  isMemory0,
  loadSized,
  open0,
  readRegister,
  set0,
  signed,
  throughStack,
  truncate,
  writeRegister,
} from './operand';
import { conditionOf, DESTINATION, rowOf, SOURCE } from './record';

const RAX: u32 = 0;
const RDX: u32 = 16;

/** Carries out an effect of this file. False if `effect` is none of them. */
export function integer(p: usize, effect: u32, n: u32): bool {
  switch (effect) {
    case Effect.ADD:
    case Effect.OR:
    case Effect.ADC:
    case Effect.SBB:
    case Effect.AND:
    case Effect.SUB:
    case Effect.XOR:
      binary(p, effect, n);
      return true;
    case Effect.CMP:
    case Effect.TEST:
      compare(p, effect, n);
      return true;
    case Effect.NOT:
    case Effect.NEG:
    case Effect.INC:
    case Effect.DEC:
      unary(p, effect, n);
      return true;
    case Effect.MUL:
    case Effect.IMUL1:
      multiplyWide(p, effect, n);
      return true;
    case Effect.IMUL2:
    case Effect.IMUL3:
      multiply(p, effect, n);
      return true;
    case Effect.DIV:
    case Effect.IDIV:
      divide(p, effect === Effect.IDIV, n);
      return true;
    case Effect.XADD:
      exchangeAdd(p, n);
      return true;
    case Effect.CMPXCHG:
      compareExchange(p, n);
      return true;
    case Effect.CMPXCHG8B:
      compareExchange8(p);
      return true;
    case Effect.CMPXCHG16B:
      compareExchange16(p);
      return true;
    case Effect.ADCX:
    case Effect.ADOX: {
      const mask = effect === Effect.ADCX ? RFLAGS_CF : RFLAGS_OF;
      const b = get1(p, n);
      if (failed()) return true;
      const a = readRegister(load<u8>(p, DESTINATION), n);
      const sum = truncate(a + b, n);
      const result = truncate(sum + (flag(mask) ? 1 : 0), n);
      setFlags(mask, sum < a || result < sum ? mask : 0);
      writeRegister(load<u8>(p, DESTINATION), n, result);
      return true;
    }
    case Effect.MOV:
    case Effect.MOVNTI: {
      const value = get1(p, n);
      if (!failed()) set0(p, n, value);
      return true;
    }
    case Effect.MOVZX:
    case Effect.MOVSX:
    case Effect.MOVSXD:
      extendMove(p, effect, n);
      return true;
    case Effect.MOVBE: {
      const value = get1(p, n);
      if (!failed()) set0(p, n, bswap<u64>(value) >> (64 - ((<u64>n) << 3)));
      return true;
    }
    case Effect.LEA:
      writeRegister(load<u8>(p, DESTINATION), n, addressOf(p));
      return true;
    case Effect.XCHG:
      exchange(p, n);
      return true;
    case Effect.BSWAP: {
      const value = readRegister(load<u8>(p, DESTINATION), n);
      writeRegister(load<u8>(p, DESTINATION), n, bswap<u64>(value) >> (64 - ((<u64>n) << 3)));
      return true;
    }
    case Effect.CMOVCC: {
      const value = get1(p, n);
      if (failed()) return true;
      const at: u32 = load<u8>(p, DESTINATION);
      // A 32-bit register loses its upper half even where the condition fails.
      writeRegister(at, n, condition(conditionOf(p)) ? value : readRegister(at, n));
      return true;
    }
    case Effect.SETCC:
      set0(p, 1, condition(conditionOf(p)) ? 1 : 0);
      return true;
    case Effect.CBW:
    case Effect.CWDE:
    case Effect.CDQE:
      writeRegister(RAX, n, truncate(signed(load<u64>(Cpu.RAX), n >> 1), n));
      return true;
    case Effect.CWD:
    case Effect.CDQ:
    case Effect.CQO:
      writeRegister(RDX, n, signed(load<u64>(Cpu.RAX), n) < 0 ? truncate(<u64>-1, n) : 0);
      return true;
    case Effect.LAHF:
      store<u8>(Cpu.RAX + 1, load<u8>(Cpu.RFLAGS));
      return true;
    case Effect.SAHF:
      setFlags(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF, load<u8>(Cpu.RAX + 1));
      return true;
    case Effect.SALC:
      store<u8>(Cpu.RAX, flag(RFLAGS_CF) ? 0xff : 0);
      return true;
    case Effect.CLC:
      setFlags(RFLAGS_CF, 0);
      return true;
    case Effect.STC:
      setFlags(RFLAGS_CF, RFLAGS_CF);
      return true;
    case Effect.CMC:
      setFlags(RFLAGS_CF, ~load<u32>(Cpu.RFLAGS));
      return true;
    case Effect.CLD:
      setFlags(0x400, 0);
      return true;
    case Effect.STD:
      setFlags(0x400, 0x400);
      return true;
    case Effect.NOP:
      return true;
    default:
      return false;
  }
}

/** movzx, movsx, movsxd: the source's width is that of the row's second operand. */
function extendMove(p: usize, effect: u32, n: u32): void {
  const from: u32 = load<u8>(rowOf(p), ROW_SOURCE);
  const value = get1(p, from);
  if (failed()) return;
  set0(p, n, effect === Effect.MOVZX ? value : truncate(<u64>signed(value, from), n));
}

function binary(p: usize, effect: u32, n: u32): void {
  const b = get1(p, n);
  if (failed()) return;
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  const result = truncate(combine(effect, a, b, n), n);
  close0(p, at, n, result);
}

/** The result, with the flags set. */
function combine(effect: u32, a: u64, b: u64, n: u32): u64 {
  let result: u64;
  const carry: u64 = flag(RFLAGS_CF) ? 1 : 0;
  switch (effect) {
    case Effect.ADD:
      result = a + b;
      setArithmetic(ADD, n, result, result, b);
      return result;
    case Effect.SUB:
      result = a - b;
      setArithmetic(SUB, n, result, a, b);
      return result;
    case Effect.ADC:
      result = truncate(a + b + carry, n);
      setCarried(n, a, b, result, carry !== 0 ? result <= a : result < a, true);
      return result;
    case Effect.SBB:
      result = truncate(a - b - carry, n);
      setCarried(n, a, b, result, carry !== 0 ? a <= b : a < b, false);
      return result;
    case Effect.AND:
      result = a & b;
      break;
    case Effect.OR:
      result = a | b;
      break;
    default:
      result = a ^ b;
  }
  setArithmetic(LOGIC, n, result, 0, 0);
  return result;
}

/** The flags of a sum or difference with a carry in. */
function setCarried(n: u32, a: u64, b: u64, result: u64, carry: bool, sum: bool): void {
  const top: u64 = ((<u64>n) << 3) - 1;
  const over = sum ? ~(a ^ b) & (a ^ result) : (a ^ b) & (a ^ result);
  setResult(n, result, carry, ((over >> top) & 1) !== 0);
  setFlags(RFLAGS_AF, <u32>(a ^ b ^ result));
}

function compare(p: usize, effect: u32, n: u32): void {
  const a = get0(p, n);
  if (failed()) return;
  const b = get1(p, n);
  if (failed()) return;
  if (effect === Effect.CMP) setArithmetic(SUB, n, a - b, a, b);
  else setArithmetic(LOGIC, n, a & b, 0, 0);
}

function unary(p: usize, effect: u32, n: u32): void {
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  let result: u64;
  if (effect === Effect.NOT) result = ~a;
  else if (effect === Effect.NEG) {
    result = 0 - a;
    setArithmetic(SUB, n, result, 0, a);
  } else {
    const carry = load<u32>(Cpu.RFLAGS) & RFLAGS_CF;
    result = effect === Effect.INC ? a + 1 : a - 1;
    setArithmetic(effect === Effect.INC ? INC : DEC, n, result, 0, 0);
    setFlags(RFLAGS_CF, carry);
  }
  close0(p, at, n, truncate(result, n));
}

/** High half of the 128-bit product. */
export function highProduct(a: u64, b: u64): u64 {
  const low = (a & 0xffff_ffff) * (b & 0xffff_ffff);
  const first = (a >> 32) * (b & 0xffff_ffff) + (low >> 32);
  const second = (a & 0xffff_ffff) * (b >> 32) + (first & 0xffff_ffff);
  return (a >> 32) * (b >> 32) + (first >> 32) + (second >> 32);
}

/** High half of the signed 128-bit product. */
export function highSigned(a: u64, b: u64): u64 {
  return highProduct(a, b) - (<i64>a < 0 ? b : 0) - (<i64>b < 0 ? a : 0);
}

function multiplyWide(p: usize, effect: u32, n: u32): void {
  const b = get0(p, n);
  if (failed()) return;
  const a = readRegister(RAX, n);
  let low: u64;
  let high: u64;
  let over: bool;
  if (effect === Effect.MUL) {
    if (n === 8) {
      low = a * b;
      high = highProduct(a, b);
    } else {
      const product = a * b;
      low = truncate(product, n);
      high = product >> ((<u64>n) << 3);
    }
    over = high !== 0;
  } else {
    if (n === 8) {
      low = a * b;
      high = highSigned(a, b);
      over = high !== <u64>(<i64>low >> 63);
    } else {
      const product = <u64>(signed(a, n) * signed(b, n));
      low = truncate(product, n);
      high = truncate(product >> ((<u64>n) << 3), n);
      over = signed(low, n) !== <i64>product;
    }
  }
  if (n === 1) store<u16>(Cpu.RAX, <u16>(low | (high << 8)));
  else {
    writeRegister(RAX, n, low);
    writeRegister(RDX, n, high);
  }
  setResult(n, low, over, over);
}

function multiply(p: usize, effect: u32, n: u32): void {
  const a = effect === Effect.IMUL2 ? get0(p, n) : get1(p, n);
  if (failed()) return;
  const b = effect === Effect.IMUL2 ? get1(p, n) : get2(p, n);
  if (failed()) return;
  const x = <u64>signed(a, n);
  const y = <u64>signed(b, n);
  const result = truncate(x * y, n);
  const over =
    n === 8 ? highSigned(x, y) !== <u64>(<i64>result >> 63) : signed(result, n) !== <i64>(x * y);
  writeRegister(load<u8>(p, DESTINATION), n, result);
  setResult(n, result, over, over);
}

function divide(p: usize, negative: bool, n: u32): void {
  const divisor = get0(p, n);
  if (failed()) return;
  if (divisor === 0) {
    raise(VECTOR_DE);
    return;
  }
  if (n === 8) {
    divide128(divisor, negative);
    return;
  }
  const width: u64 = (<u64>n) << 3;
  const dividend: u64 =
    n === 1 ? load<u16>(Cpu.RAX) : readRegister(RAX, n) | (readRegister(RDX, n) << width);
  let quotient: u64;
  let remainder: u64;
  if (negative) {
    const x = signed(dividend, n * 2);
    const y = signed(divisor, n);
    if (x === i64.MIN_VALUE && y === -1) {
      raise(VECTOR_DE);
      return;
    }
    quotient = <u64>(x / y);
    remainder = <u64>(x % y);
    if (signed(quotient, n) !== <i64>quotient) {
      raise(VECTOR_DE);
      return;
    }
  } else {
    quotient = dividend / divisor;
    remainder = dividend % divisor;
    if (quotient >> width !== 0) {
      raise(VECTOR_DE);
      return;
    }
  }
  if (n === 1) store<u16>(Cpu.RAX, <u16>((quotient & 0xff) | (remainder << 8)));
  else {
    writeRegister(RAX, n, quotient);
    writeRegister(RDX, n, remainder);
  }
}

/** RDX:RAX by a 64-bit divisor. */
function divide128(divisor: u64, negative: bool): void {
  let low = load<u64>(Cpu.RAX);
  let high = load<u64>(Cpu.RDX);
  const negativeDividend = negative && <i64>high < 0;
  const negativeDivisor = negative && <i64>divisor < 0;
  if (negativeDividend) {
    low = 0 - low;
    high = ~high + (low === 0 ? 1 : 0);
  }
  if (negativeDivisor) divisor = 0 - divisor;
  if (high >= divisor) {
    raise(VECTOR_DE);
    return;
  }
  let quotient: u64 = 0;
  if (high === 0) {
    quotient = low / divisor;
    high = low % divisor;
  } else {
    for (let i = 0; i < 64; i++) {
      const carry = high >> 63;
      high = (high << 1) | (low >> 63);
      low <<= 1;
      quotient <<= 1;
      if (carry !== 0 || high >= divisor) {
        high -= divisor;
        quotient |= 1;
      }
    }
  }
  if (negative) {
    const negativeQuotient = negativeDividend !== negativeDivisor;
    if (negativeQuotient ? quotient > 0x8000_0000_0000_0000 : <i64>quotient < 0) {
      raise(VECTOR_DE);
      return;
    }
    if (negativeQuotient) quotient = 0 - quotient;
    if (negativeDividend) high = 0 - high;
  }
  store<u64>(Cpu.RAX, quotient);
  store<u64>(Cpu.RDX, high);
}

function exchangeAdd(p: usize, n: u32): void {
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  const source: u32 = load<u8>(p, SOURCE);
  const b = readRegister(source, n);
  const sum = combine(Effect.ADD, a, b, n);
  // The source first: where both are one register, it ends with the sum.
  writeRegister(source, n, a);
  close0(p, at, n, truncate(sum, n));
}

function exchange(p: usize, n: u32): void {
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  const source: u32 = load<u8>(p, SOURCE);
  const b = readRegister(source, n);
  writeRegister(source, n, a);
  close0(p, at, n, b);
}

function compareExchange(p: usize, n: u32): void {
  const at = open0(p, n);
  if (at === 0) return;
  const a = loadSized(at, n);
  const expected = readRegister(RAX, n);
  setArithmetic(SUB, n, expected - a, expected, a);
  if (a === expected) close0(p, at, n, readRegister(load<u8>(p, SOURCE), n));
  else {
    // Memory is written in either case (APM3, CMPXCHG); a register keeps even its upper half.
    if (isMemory0(p)) close0(p, at, n, a);
    writeRegister(RAX, n, a);
  }
}

function compareExchange8(p: usize): void {
  const at = modifyPointer(addressOf(p), 8, throughStack(p));
  if (at === 0) return;
  const expected = <u64>load<u32>(Cpu.RAX) | ((<u64>load<u32>(Cpu.RDX)) << 32);
  const value = load<u64>(at);
  if (value === expected) {
    store<u64>(at, <u64>load<u32>(Cpu.RBX) | ((<u64>load<u32>(Cpu.RCX)) << 32));
    setFlags(RFLAGS_ZF, RFLAGS_ZF);
  } else {
    store<u64>(Cpu.RAX, value & 0xffff_ffff);
    store<u64>(Cpu.RDX, value >> 32);
    setFlags(RFLAGS_ZF, 0);
  }
  if (at < BOUNCE_END) finishWrite();
}

function compareExchange16(p: usize): void {
  const linear = addressOf(p);
  if ((linear & 15) !== 0) {
    raiseGp(0);
    return;
  }
  const at = modifyPointer(linear, 16, throughStack(p));
  if (at === 0) return;
  const low = load<u64>(at);
  const high = load<u64>(at, 8);
  if (low === load<u64>(Cpu.RAX) && high === load<u64>(Cpu.RDX)) {
    store<u64>(at, load<u64>(Cpu.RBX));
    store<u64>(at, load<u64>(Cpu.RCX), 8);
    setFlags(RFLAGS_ZF, RFLAGS_ZF);
  } else {
    store<u64>(Cpu.RAX, low);
    store<u64>(Cpu.RDX, high);
    setFlags(RFLAGS_ZF, 0);
  }
  if (at < BOUNCE_END) finishWrite();
}
