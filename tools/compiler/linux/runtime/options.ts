/** The options of an executable: `[--dir DIR]... [--invoke NAME | --batch | --] ARG...`. */

import { argument, argumentTotal, setFirstArgument, textIs } from './process.ts';
import { addPreopen } from './wasi/preopens.ts';

/** What the executable is asked to do. */
export const START: u32 = 0;
export const INVOKE: u32 = 1;
export const BATCH: u32 = 2;
/** A directory of --dir cannot be opened. */
export const BAD_DIRECTORY: u32 = 3;

/**
 * Reads our options: one of the constants above. The first argument that is none of them, or what
 * follows `--`, is the program's; after INVOKE the name of the export.
 */
export function readOptions(): u32 {
  let at: u32 = 1;
  let mode = START;
  while (at < argumentTotal()) {
    const option = argument(at);
    if (textIs(option, '--dir') && at + 1 < argumentTotal()) {
      if (!addPreopen(argument(at + 1))) return BAD_DIRECTORY;
      at += 2;
      continue;
    }
    if (textIs(option, '--invoke')) mode = INVOKE;
    else if (textIs(option, '--batch')) mode = BATCH;
    else if (!textIs(option, '--')) break;
    at += 1;
    break;
  }
  setFirstArgument(at);
  return mode;
}
