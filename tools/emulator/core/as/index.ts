/** What the core offers to its TypeScript face, tools/emulator/core.ts. */
import { initAes } from './aes';
import { forgetCode, initCode } from './code';
import * as Cpu from './cpu';
import { setGeometry } from './machine';
import { flushTlbs, initTlbs } from './tlb';

export { decryptBlock, encryptBlock, expandKey, invertSchedule } from './aes';
export { dropCode } from './code';
export { keySlot, readUnder, setKey, writeUnder } from './encryption';
export { run } from './run';
export { flushWrites } from './tlb';

/** Takes the machine's geometry. Must come first. */
export function init(system: u32, gpa: u32, nested: usize, code: usize, frames: usize): void {
  setGeometry(system, gpa, nested, code, frames);
  initAes();
  initTlbs();
  initCode();
  store<u64>(Cpu.RFLAGS, 2);
}

/** Forgets what is kept outside of the machine's state, before that is replaced. */
export function forget(): void {
  forgetCode();
}

export function flush(): void {
  flushTlbs();
}
