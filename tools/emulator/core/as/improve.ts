/**
 * Better operations for the records of a block, seen together: without flags where the next instructions
 * replace them unseen, and a comparison with the branch behind it as one.
 *
 * Nobody can see flags that are replaced before anything reads them, as long as no instruction between can
 * fault or end the block; a block is only begun where all of it may be executed.
 */
import { DECODER } from '../memory-map';
import * as Row from '../row-format';
import { OPERATION, RECORD_SIZE } from './record';

/** The last record that set flags, if nothing has looked at them since. */
let setter: usize = 0;
/** The record before this one, if it is a whole instruction. */
let previous: usize = 0;

/** At the beginning of a block. */
export function startImproving(): void {
  setter = 0;
  previous = 0;
}

function traitsOf(record: usize): usize {
  return DECODER + Row.TRAITS + <usize>load<u16>(record, OPERATION) * Row.TRAIT_SIZE;
}

/** Takes up the next instruction of the block, whose records are from `p` to `end`. */
export function improve(p: usize, end: usize): void {
  if (end - p !== RECORD_SIZE) {
    startImproving();
    return;
  }
  const traits = traitsOf(p);
  const condition: u32 = load<u8>(traits, Row.TRAIT_CONDITION);
  if (condition !== 0 && previous !== 0) {
    const fused = load<u16>(traitsOf(previous) + (condition - 1) * 2, Row.TRAIT_FUSED);
    if (fused !== 0) store<u16>(previous, fused, OPERATION);
  }
  const use: u32 = load<u8>(traits, Row.TRAIT_FLAGS);
  if (setter !== 0 && (use === Row.FLAGS_SET || use === Row.FLAGS_REPLACED)) {
    const quiet = load<u16>(traitsOf(setter), Row.TRAIT_QUIET);
    if (quiet !== 0) store<u16>(setter, quiet, OPERATION);
  }
  if (use === Row.FLAGS_SET || use === Row.FLAGS_CHANGED) setter = p;
  else if (use !== Row.FLAGS_IGNORED) setter = 0;
  previous = p;
}
