/** The end of the process. */

import { answersLost, flush, putLine, putText, putUnsigned, standardError } from './output.ts';
import { exit } from './system.ts';

/** Exit code if calls cannot be read or answers not be written (EX_IOERR of sysexits.h). */
export const EXIT_IO: u32 = 74;

/** Hands on what was written and ends the process; answers that are lost make a success a failure. */
export function end(code: u32): void {
  flush();
  const error = answersLost();
  if (error !== 0) {
    complainOfLinux('standard output cannot be written', error);
    flush();
  }
  exit(error !== 0 && code === 0 ? EXIT_IO : code);
}

/** A line on standard error about a system call that failed with `error`, which is negative. */
export function complainOfLinux(what: string, error: i64): void {
  const to = standardError();
  putText(to, 'error: ');
  putText(to, what);
  putText(to, ': error ');
  putUnsigned(to, -error);
  putLine(to, ' of Linux');
}
