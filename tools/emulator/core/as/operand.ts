/** Operands of instructions that are carried out by effect, not by an operation of their own. */
import {
  BOUNCE_END,
  finishWrite,
  modifyPointer,
  readMemory,
  storeSized,
  writeMemory,
} from './access';
import * as Cpu from './cpu';
import { pending } from './machine';
import {
  BASE,
  DESTINATION,
  DISPLACEMENT,
  FORM,
  FORM_IMMEDIATE1,
  FORM_MEMORY0,
  FORM_MEMORY1,
  FORM_MEMORY2,
  FORM_REGISTER2,
  IMMEDIATE,
  INDEX,
  SCALE,
  SOURCE,
} from './record';

/** Linear address of the memory operand. */
export function addressOf(p: usize): u64 {
  return (
    load<u64>(Cpu.FIRST + load<u8>(p, BASE)) +
    (load<u64>(Cpu.FIRST + load<u8>(p, INDEX)) << load<u8>(p, SCALE)) +
    <u64>(<i64>load<i32>(p, DISPLACEMENT))
  );
}

/** Whether the memory operand is addressed through the stack pointer or the frame pointer. */
export function throughStack(p: usize): bool {
  const base: u32 = load<u8>(p, BASE);
  return base === 0x20 || base === 0x28;
}

export function readRegister(offset: u32, n: u32): u64 {
  const at = Cpu.FIRST + offset;
  if (n === 8) return load<u64>(at);
  if (n === 4) return load<u32>(at);
  return n === 2 ? load<u16>(at) : load<u8>(at);
}

/** Writes a general register: 32 bits clear the upper half, 16 and 8 leave the rest. */
export function writeRegister(offset: u32, n: u32, value: u64): void {
  const at = Cpu.FIRST + offset;
  if (n === 4) store<u64>(at, value & 0xffff_ffff);
  else storeSized(at, n, value);
}

/** `n` bytes of the memory operand; 0 with a fault pending if it cannot be read. */
export function readOperandMemory(p: usize, n: u32): u64 {
  return readMemory(addressOf(p), n, throughStack(p));
}

export function isMemory0(p: usize): bool {
  return (load<u8>(p, FORM) & FORM_MEMORY0) !== 0;
}

export function isMemory1(p: usize): bool {
  return (load<u8>(p, FORM) & FORM_MEMORY1) !== 0;
}

/** First operand, `n` bytes of it. A pending fault makes it 0. */
export function get0(p: usize, n: u32): u64 {
  return isMemory0(p) ? readOperandMemory(p, n) : readRegister(load<u8>(p, DESTINATION), n);
}

/** Second operand. */
export function get1(p: usize, n: u32): u64 {
  const form: u32 = load<u8>(p, FORM);
  if ((form & FORM_IMMEDIATE1) !== 0) return truncate(load<u64>(p, IMMEDIATE), n);
  if ((form & FORM_MEMORY1) !== 0) return readOperandMemory(p, n);
  return readRegister(load<u8>(p, SOURCE), n);
}

/** Third operand. */
export function get2(p: usize, n: u32): u64 {
  const form: u32 = load<u8>(p, FORM);
  if ((form & FORM_MEMORY2) !== 0) return readOperandMemory(p, n);
  if ((form & FORM_REGISTER2) !== 0) return readRegister(load<u32>(p, IMMEDIATE), n);
  return truncate(load<u64>(p, IMMEDIATE), n);
}

/** Writes the first operand. False if the instruction ends. */
export function set0(p: usize, n: u32, value: u64): bool {
  if (isMemory0(p)) return writeMemory(addressOf(p), n, value, throughStack(p));
  writeRegister(load<u8>(p, DESTINATION), n, value);
  return true;
}

/**
 * Where the first operand is, to be loaded from and then given to {@link close0}; 0 if the
 * instruction ends. Memory is checked for writing.
 */
export function open0(p: usize, n: u32): usize {
  if (isMemory0(p)) return modifyPointer(addressOf(p), n, throughStack(p));
  return Cpu.FIRST + load<u8>(p, DESTINATION);
}

export function close0(p: usize, to: usize, n: u32, value: u64): void {
  if (!isMemory0(p)) {
    writeRegister(load<u8>(p, DESTINATION), n, value);
    return;
  }
  storeSized(to, n, value);
  if (to < BOUNCE_END) finishWrite();
}

export function loadSized(from: usize, n: u32): u64 {
  if (n === 8) return load<u64>(from);
  if (n === 4) return load<u32>(from);
  return n === 2 ? load<u16>(from) : load<u8>(from);
}

/** The low `n` bytes. */
export function truncate(value: u64, n: u32): u64 {
  return n === 8 ? value : value & (((<u64>1) << ((<u64>n) << 3)) - 1);
}

/** The low `n` bytes, sign-extended. */
export function signed(value: u64, n: u32): i64 {
  const shift: u64 = 64 - ((<u64>n) << 3);
  return <i64>(value << shift) >> shift;
}

/** Whether a fault or exit is pending. */
export function failed(): bool {
  return pending !== 0;
}
