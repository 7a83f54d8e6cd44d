/** Operands of SSE and AVX instructions. */
import { readPointer } from './access';
import * as Cpu from './cpu';
import { raiseGp } from './fault';
import { addressOf, isMemory1, throughStack } from './operand';
import { DESTINATION, SOURCE } from './record';

/** Where the result of an AVX instruction is made from its first operand; 0 for the register itself. */
let apart: usize = 0;
/** AVX takes memory as it lies, but where moves say aligned. */
let needsAlignment: bool = true;

/** Says how operands are to be had: `result` apart from the register, or 0; whether memory must be aligned. */
export function setOperands(result: usize, aligned: bool): void {
  apart = result;
  needsAlignment = aligned;
}

/** Address of the destination, an XMM register, which holds the first operand. */
export function destination(p: usize): usize {
  return apart !== 0 ? apart : Cpu.XMM + load<u8>(p, DESTINATION);
}

/**
 * Where the second operand's `n` bytes are: an XMM register or memory, which must be aligned if it is a whole
 * register wide and `aligned` says so. 0 if the instruction ends.
 */
export function source(p: usize, n: u32, aligned: bool): usize {
  if (!isMemory1(p)) return Cpu.XMM + load<u8>(p, SOURCE);
  const linear = addressOf(p);
  if (aligned && needsAlignment && n === 16 && (linear & 15) !== 0) {
    raiseGp(0);
    return 0;
  }
  return readPointer(linear, n, throughStack(p));
}
