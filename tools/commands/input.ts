import { readFileSync } from 'node:fs';
import { UserError } from '../errors.ts';

/** The bytes of a file that the user named. Throws UserError if it cannot be read. */
export function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
