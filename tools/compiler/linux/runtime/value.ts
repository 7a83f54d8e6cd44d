/** Values as --batch has them: the type, a colon, and the bits in hexadecimal digits. */

import {
  FunctionRecord,
  InstanceInfo,
  TYPE_EXTERNREF,
  TYPE_F32,
  TYPE_F64,
  TYPE_FUNCREF,
  TYPE_I32,
  TYPE_I64,
  TYPE_V128,
} from '../../../../spec/abi/executable.ts';
import { accept, advance, here, hexDigit, peek, wordEnd } from './cursor.ts';
import { putHex, putText, putUnsigned } from './output.ts';

/** The name of a value type with its colon. */
export function typePrefix(type: u32): string {
  switch (type) {
    case TYPE_I32:
      return 'i32:';
    case TYPE_I64:
      return 'i64:';
    case TYPE_F32:
      return 'f32:';
    case TYPE_F64:
      return 'f64:';
    case TYPE_V128:
      return 'v128:';
    case TYPE_FUNCREF:
      return 'funcref:';
    default:
      return 'externref:';
  }
}

/** Hexadecimal digits of a value of a numeric type. */
function digitsOf(type: u32): u32 {
  if (type === TYPE_I32 || type === TYPE_F32) return 8;
  return type === TYPE_V128 ? 32 : 16;
}

/** Writes the 16 bytes at `value`, which are of `type`; references are to functions of `instance`. */
export function putValue(to: usize, type: u32, value: usize, instance: InstanceInfo): void {
  putText(to, typePrefix(type));
  const low = load<u64>(value);
  if (type === TYPE_FUNCREF || type === TYPE_EXTERNREF) {
    putReference(to, type, low, instance);
    return;
  }
  if (type === TYPE_V128) putHex(to, load<u64>(value, 8), 16);
  putHex(to, low, type === TYPE_V128 ? 16 : digitsOf(type));
}

/** Writes a reference without its type's name. */
export function putReference(to: usize, type: u32, value: u64, instance: InstanceInfo): void {
  if (value === 0) putText(to, 'null');
  else if (type === TYPE_EXTERNREF) putHostNumber(to, value - 1);
  else putUnsigned(to, functionIndex(instance, <u32>value));
}

function putHostNumber(to: usize, number: u64): void {
  let digits: u32 = 1;
  while (digits < 16 && number >> (digits * 4) !== 0) digits += 1;
  putHex(to, number, digits);
}

/** The index of the function that a funcref refers to; all ones for one of another instance. */
function functionIndex(instance: InstanceInfo, record: u32): u32 {
  for (let i: u32 = 0; i < instance.recordCount; i++) {
    const entry = changetype<FunctionRecord>(instance.records + i * <u32>FunctionRecord.SIZE);
    if (entry.address === record) return entry.index;
  }
  return -1;
}

/** Reads a value of `type` into the 8 bytes at `value`, 16 for a v128. False if the word is not one. */
export function readValue(type: u32, value: usize, instance: InstanceInfo): bool {
  if (!accept(typePrefix(type))) return false;
  if (type === TYPE_FUNCREF || type === TYPE_EXTERNREF) return readReference(type, value, instance);
  const digits = digitsOf(type);
  return wordEnd() - here() === digits && readDigits(value, digits);
}

/** Reads so many hexadecimal digits: a number of 8 bytes, or from 17 digits on of 16. */
export function readDigits(value: usize, digits: u32): bool {
  let low: u64 = 0;
  let high: u64 = 0;
  for (let i: u32 = 0; i < digits; i++) {
    const digit = hexDigit(peek());
    if (digit < 0) return false;
    advance(1);
    high = (high << 4) | (low >> 60);
    low = (low << 4) | digit;
  }
  store<u64>(value, low);
  if (digits > 16) store<u64>(value, high, 8);
  return true;
}

/** Reads `null`, a function's index in decimal or a host's number in hexadecimal. */
export function readReference(type: u32, value: usize, instance: InstanceInfo): bool {
  store<u64>(value, 0);
  if (accept('null')) return here() === wordEnd();
  const radix: u64 = type === TYPE_FUNCREF ? 10 : 16;
  const end = wordEnd();
  if (here() === end || end - here() > (radix === 16 ? 16 : 15)) return false;
  let number: u64 = 0;
  while (here() < end) {
    const digit = hexDigit(peek());
    if (digit < 0 || <u64>digit >= radix) return false;
    number = number * radix + <u64>digit;
    advance(1);
  }
  if (type === TYPE_EXTERNREF) {
    // One more than the number, so that null is 0: there is none for the last number.
    store<u64>(value, number + 1);
    return number + 1 !== 0;
  }
  for (let i: u32 = 0; i < instance.recordCount; i++) {
    const entry = changetype<FunctionRecord>(instance.records + i * <u32>FunctionRecord.SIZE);
    if (entry.index !== number) continue;
    store<u64>(value, entry.address);
    return true;
  }
  return false;
}
