/** Runs the program: the one compartment that an image has. */

import { COMPARTMENT_UNSUPPORTED } from '../spec/abi/termination.ts';
import { enter } from './boot.ts';
import {
  compartmentEnd,
  compartmentInfo,
  compartmentStackTop,
  createCompartment,
  memoryBase,
} from './compartment.ts';
import { die, exit } from './exit.ts';
import { imageInfo } from './handoff.ts';
import { panic } from './panic.ts';

/**
 * Makes the program's compartment and enters it. If it returns, that is exit code 0; if a trap ended it, the host
 * is told why. Never returns.
 */
export function runProgram(): void {
  if (imageInfo().compartmentCount !== 1) panic(COMPARTMENT_UNSUPPORTED);
  createCompartment(0);
  const info = compartmentInfo();
  if (info.initialize !== 0) run(info.initialize);
  run(info.entry);
  exit(0);
}

function run(entry: u64): void {
  enter(entry, memoryBase(), compartmentStackTop());
  if (compartmentEnd() !== 0) die(compartmentEnd());
}
