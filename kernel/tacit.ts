/** Capabilities beyond WASI: module `tacit`. */

import { growMemory } from './compartment.ts';
import { flush } from './console.ts';
import { halt } from './exit.ts';

/** `halt`: stops for good, and keeps everything where it is. Does not return. */
export function tacit_halt(_compartment: u32): void {
  flush();
  halt();
}

/** Wasm's memory.grow: how many pages there were, or all ones. */
export function memory_grow(_compartment: u32, delta: u32): u32 {
  return growMemory(delta);
}
