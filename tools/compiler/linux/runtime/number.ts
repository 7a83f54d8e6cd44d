/** Values as --invoke takes and prints them: decimals; vectors in hexadecimal. */

import {
  InstanceInfo,
  TYPE_EXTERNREF,
  TYPE_F32,
  TYPE_F64,
  TYPE_FUNCREF,
  TYPE_I32,
  TYPE_I64,
  TYPE_V128,
} from '../../../../spec/abi/executable.ts';
import { advance, atEnd, here, peek, wordEnd } from './cursor.ts';
import { formatFloat, formattedSize, readFailed, readFloat } from './decimal.ts';
import { putBytes, putHex, putSigned } from './output.ts';
import { putReference, readDigits, readReference } from './value.ts';

/** Writes the 16 bytes at `value`: integers as signed numbers, floats as decimal.ts says. */
export function putDecimal(to: usize, type: u32, value: usize, instance: InstanceInfo): void {
  switch (type) {
    case TYPE_I32:
      putSigned(to, load<i32>(value));
      return;
    case TYPE_I64:
      putSigned(to, load<i64>(value));
      return;
    case TYPE_F32:
      putBytes(to, formatFloat(load<u32>(value), 23), formattedSize());
      return;
    case TYPE_F64:
      putBytes(to, formatFloat(load<u64>(value), 52), formattedSize());
      return;
    case TYPE_V128:
      putHex(to, load<u64>(value, 8), 16);
      putHex(to, load<u64>(value), 16);
      return;
    default:
      putReference(to, type, load<u64>(value), instance);
  }
}

/**
 * Reads the word at the cursor, and nothing may follow it, into the 8 bytes at `value`, 16 for a v128.
 * Integers may be signed or unsigned. False if it is not a number of the type.
 */
export function readDecimal(type: u32, value: usize, instance: InstanceInfo): bool {
  const size = <u32>(wordEnd() - here());
  switch (type) {
    case TYPE_I32:
      return readInteger(value, 32);
    case TYPE_I64:
      return readInteger(value, 64);
    case TYPE_F32:
      store<u64>(value, readFloat(here(), size, 23));
      advance(size);
      return !readFailed() && atEnd();
    case TYPE_F64:
      store<u64>(value, readFloat(here(), size, 52));
      advance(size);
      return !readFailed() && atEnd();
    case TYPE_V128:
      return size === 32 && readDigits(value, 32) && atEnd();
    case TYPE_FUNCREF:
    case TYPE_EXTERNREF:
      return readReference(type, value, instance) && atEnd();
    default:
      return false;
  }
}

/** An integer of `width` bits, from -2^(width-1) to 2^width - 1. */
function readInteger(value: usize, width: u32): bool {
  const negative = peek() === 0x2d;
  if (negative || peek() === 0x2b) advance(1);
  if (atEnd()) return false;
  const limit: u64 = negative ? (<u64>1) << (width - 1) : <u64>-1 >> (64 - width);
  let number: u64 = 0;
  while (!atEnd()) {
    const digit: u64 = <u64>peek() - 0x30;
    if (digit > 9 || number > (limit - digit) / 10) return false;
    number = number * 10 + digit;
    advance(1);
  }
  if (negative) number = 0 - number;
  store<u64>(value, number & (<u64>-1 >> (64 - width)));
  return true;
}
