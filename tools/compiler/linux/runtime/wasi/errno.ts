/** WASI's error numbers, and which of them each of Linux's becomes. WASI preview1, `errno`. */

export const SUCCESS: u32 = 0;
export const BADF: u32 = 8;
export const FAULT: u32 = 21;
export const ILSEQ: u32 = 25;
export const INVAL: u32 = 28;
export const IO: u32 = 29;
export const ISDIR: u32 = 31;
export const MFILE: u32 = 33;
export const NAMETOOLONG: u32 = 37;
export const NOENT: u32 = 44;
export const NOTDIR: u32 = 54;
export const NOTSOCK: u32 = 57;
export const NOTSUP: u32 = 58;
export const NOTCAPABLE: u32 = 76;

/** By Linux's number (linux/include/uapi/asm-generic/errno.h), 0 where WASI has no such error. */
const table: usize = memory.data<u8>([
  0, 63, 44, 71, 27, 29, 60, 1, 45, 8, 12, 6, 48, 2, 21, 0, 10, 20, 75, 43, 54, 31, 28, 41, 33, 59,
  74, 22, 51, 70, 69, 34, 64, 18, 68, 16, 37, 46, 52, 55, 32, 0, 49, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 47, 0, 0, 0, 65, 36, 0, 9, 61, 0, 0, 0, 0, 0, 0, 0, 0,
  25, 0, 0, 0, 57, 17, 35, 67, 50, 66, 0, 58, 0, 5, 3, 4, 38, 40, 39, 13, 15, 42, 30, 53, 0, 0, 73,
  14, 0, 23, 7, 26, 72, 0, 0, 0, 0, 0, 19, 0, 0, 11, 0, 0, 0, 0, 62, 56,
]);
const TABLE_SIZE: i64 = 132;

/** The WASI error of a system call's result, which is minus Linux's number; 0 if it is no error. */
export function errnoOf(result: i64): u32 {
  if (result >= 0) return SUCCESS;
  if (-result >= TABLE_SIZE) return IO;
  const errno = load<u8>(table + <usize>-result);
  return errno === 0 ? IO : errno;
}
