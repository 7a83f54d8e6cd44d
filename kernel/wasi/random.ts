/** WASI, random_get. */

import { copyOut, isInMemory } from '../compartment.ts';
import { fillRandom } from '../random/random.ts';
import { EFAULT, ENOTSUP, SUCCESS } from './errno.ts';

const PIECE_SIZE: u32 = 256;
const piece: usize = memory.data(256, 8);

/** Fills `size` bytes at `buffer` with random ones; ENOTSUP, and nothing is done, where there are none. */
export function random_get(_compartment: u32, buffer: u32, size: u32): u32 {
  if (!isInMemory(buffer, size)) return EFAULT;
  for (let done: u32 = 0; done < size; done += PIECE_SIZE) {
    const bytes = min<u32>(size - done, PIECE_SIZE);
    if (!fillRandom(piece, bytes)) return ENOTSUP;
    copyOut(buffer + done, piece, bytes);
  }
  memory.fill(piece, 0, PIECE_SIZE);
  return SUCCESS;
}
