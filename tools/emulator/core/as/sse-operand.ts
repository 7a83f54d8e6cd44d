/** Operands of SSE instructions. */
import { readPointer } from './access';
import * as Cpu from './cpu';
import { raiseGp } from './fault';
import { addressOf, isMemory1, throughStack } from './operand';
import { DESTINATION, SOURCE } from './record';

/** Address of the destination, an XMM register. */
export function destination(p: usize): usize {
  return Cpu.XMM + load<u8>(p, DESTINATION);
}

/**
 * Where the second operand's `n` bytes are: an XMM register or memory, which must be aligned if it is a whole
 * register wide and `aligned` says so. 0 if the instruction ends.
 */
export function source(p: usize, n: u32, aligned: bool): usize {
  if (!isMemory1(p)) return Cpu.XMM + load<u8>(p, SOURCE);
  const linear = addressOf(p);
  if (aligned && n === 16 && (linear & 15) !== 0) {
    raiseGp(0);
    return 0;
  }
  return readPointer(linear, n, throughStack(p));
}
