/**
 * Keeps a secret: puts `My luggage password is …` together in its own memory, says a word that gives
 * nothing away, and stops for good. Whoever dumps the machine's memory now may look for it.
 */

import { halt } from './tacit.ts';
import { args_get, args_sizes_get, fd_write, proc_exit } from './wasi_snapshot_preview1.ts';

const STDOUT: u32 = 1;
const STDERR: u32 = 2;

const CAPACITY: u32 = 256;
/** Where the secret is kept. */
const secret = memory.data(256);
/** The arguments' pointers, then the arguments themselves. */
const argumentPointers = memory.data(64);
const argumentBytes = memory.data(256);
/** Results, and buffers to write: two words. */
const words = memory.data(8);
const text = memory.data(128);

const password = passwordArgument();
if (password === 0) {
  print(STDERR, 'usage: luggage PASSWORD\n');
  proc_exit(2);
}
keep('My luggage password is ', password);
print(STDOUT, 'luggage: packed and locked; the password stays in here\n');
halt();

/** Address of the first argument after the program's name; 0 if there is none that fits. */
function passwordArgument(): usize {
  if (args_sizes_get(words, words + 4) !== 0) return 0;
  const count = load<u32>(words);
  if (count < 2 || count > 16 || load<u32>(words, 4) > CAPACITY) return 0;
  if (args_get(argumentPointers, argumentBytes) !== 0) return 0;
  return load<u32>(argumentPointers, 4);
}

/** Stores `prefix`, then the NUL-terminated bytes at `value`, as one string. */
function keep(prefix: string, value: usize): void {
  const length = String.UTF8.encodeUnsafe(changetype<usize>(prefix), prefix.length, secret);
  for (let i: usize = 0; load<u8>(value + i) !== 0 && length + i < CAPACITY; i++) {
    store<u8>(secret + length + i, load<u8>(value + i));
  }
}

function print(fd: u32, message: string): void {
  store<u32>(words, text);
  store<u32>(words, String.UTF8.encodeUnsafe(changetype<usize>(message), message.length, text), 4);
  fd_write(fd, words, 1, words);
}
