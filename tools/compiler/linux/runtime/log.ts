/**
 * The imports `fuzzing-support.log-*`, which modules made by `wasm-opt --translate-to-fuzz` call,
 * and `spectest.print*`, which the specification's tests do. Each call is a line on standard error:
 * the values as --batch writes them. Standard output is left to answers.
 */

import { TYPE_F32, TYPE_F64, TYPE_I32, TYPE_I64 } from '../../../../spec/abi/executable.ts';
import { putByte, putHex, putText, standardError } from './output.ts';
import { typePrefix } from './value.ts';

function put(type: u32, bits: u64, digits: u32): void {
  putText(standardError(), typePrefix(type));
  putHex(standardError(), bits, digits);
}

function endLine(): void {
  putByte(standardError(), 0x0a);
}

/** A leading instance index, as every import of ours gets one. */
export function print(_instance: u32): void {
  endLine();
}

export function printI32(_instance: u32, value: u32): void {
  put(TYPE_I32, value, 8);
  endLine();
}

export function printI64(_instance: u32, value: u64): void {
  put(TYPE_I64, value, 16);
  endLine();
}

export function printF32(_instance: u32, value: f32): void {
  put(TYPE_F32, reinterpret<u32>(value), 8);
  endLine();
}

export function printF64(_instance: u32, value: f64): void {
  put(TYPE_F64, reinterpret<u64>(value), 16);
  endLine();
}

export function printI32F32(_instance: u32, first: u32, second: f32): void {
  put(TYPE_I32, first, 8);
  putByte(standardError(), 0x20);
  put(TYPE_F32, reinterpret<u32>(second), 8);
  endLine();
}

export function printF64F64(_instance: u32, first: f64, second: f64): void {
  put(TYPE_F64, reinterpret<u64>(first), 16);
  putByte(standardError(), 0x20);
  put(TYPE_F64, reinterpret<u64>(second), 16);
  endLine();
}
