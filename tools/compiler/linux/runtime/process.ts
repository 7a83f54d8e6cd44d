/** What Linux hands a new process: its arguments and environment. */

import { load8, load64 } from './cpu.ts';

/** Addresses of argv[0] and envp[0]; pointers take 8 bytes. */
let argumentVector: u64 = 0;
let environmentVector: u64 = 0;
let argumentCount: u32 = 0;
let environmentCount: u32 = 0;
let firstOfProgram: u32 = 1;

/** Finds everything from the initial stack pointer. psABI §3.4.1. */
export function readStack(stack: u64): void {
  argumentCount = <u32>load64(stack);
  argumentVector = stack + 8;
  environmentVector = argumentVector + ((<u64>argumentCount + 1) << 3);
  while (load64(environmentVector + ((<u64>environmentCount) << 3)) !== 0) environmentCount += 1;
}

export function argumentTotal(): u32 {
  return argumentCount;
}

export function environmentTotal(): u32 {
  return environmentCount;
}

/** Where the program's own arguments start, after our options. */
export function firstArgument(): u32 {
  return firstOfProgram;
}

export function setFirstArgument(i: u32): void {
  firstOfProgram = i;
}

/** Address of an argument's bytes, which end with a 0. */
export function argument(i: u32): u64 {
  return load64(argumentVector + ((<u64>i) << 3));
}

/** Address of `NAME=VALUE`, which ends with a 0. */
export function environmentEntry(i: u32): u64 {
  return load64(environmentVector + ((<u64>i) << 3));
}

/** Bytes before the 0. */
export function textSize(text: u64): u64 {
  let size: u64 = 0;
  while (load8(text + size) !== 0) size += 1;
  return size;
}

/** Whether the text, which ends with a 0, is `word`. */
export function textIs(text: u64, word: string): bool {
  for (let i = 0; i < word.length; i++) {
    if (load8(text + i) !== word.charCodeAt(i)) return false;
  }
  return load8(text + word.length) === 0;
}
