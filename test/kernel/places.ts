import { TOP } from './memory.ts';

/** Where things lie: as in boot/memory-map.ts, with a fixed size for each. */
export const PLACES = {
  cpuid: 0x10_4000,
  secrets: 0x10_5000,
  memoryMap: 0x10_6000,
  environment: 0x10_7000,
  text: 0x10_8000,
  info: 0x11_0000,
  record: 0x11_1000,
  frame: 0x11_2000,
  tables: 0x12_0000,
  pool: 0x13_0000,
  stack: 0x17_0000,
  kernelMemory: 0x18_0000,
  kernelMemoryEnd: 0x1b_0000,
  startInfo: 0x8000,
} as const;

/** Where boot/wait.ts has interrupts on. */
export const WAIT_OPEN = TOP + BigInt(PLACES.text + 0x301);
export const WAIT_OUT = TOP + BigInt(PLACES.text + 0x308);
/** Where `enter` goes on when what it entered is ended. */
export const LEFT = TOP + BigInt(PLACES.text + 0x320);
