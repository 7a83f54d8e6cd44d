/** Capabilities beyond WASI: module `tacit`. */

import { growMemory } from './compartment.ts';
import { flush } from './console.ts';
import { halt } from './exit.ts';
import { reset } from './reset.ts';

/** `halt`: stops for good, and keeps everything where it is. Does not return. */
export function tacit_halt(_compartment: u32): void {
  flush();
  halt();
}

/** `reset`: has the host start the machine anew, from the launch on. Does not return. */
export function tacit_reset(_compartment: u32): void {
  reset();
}

/** Wasm's memory.grow: how many pages there were, or all ones. */
export function memory_grow(_compartment: u32, delta: u32): u32 {
  return growMemory(delta);
}
