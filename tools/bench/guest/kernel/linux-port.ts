/**
 * In place of kernel/sev/port.ts, ports as Linux reaches them: by the instructions, whose #VC has its handler
 * find out what was meant, and ask for it.
 */

import * as cpu from '../../../../kernel/cpu.ts';

export function readPort8(port: u32): u32 {
  return cpu.in8(port);
}

export function writePort8(port: u32, value: u32): void {
  cpu.out8(port, value);
}

export function writePort32(port: u32, value: u32): void {
  cpu.out32(port, value);
}

export function writePortString(port: u32, from: usize, bytes: u32): void {
  cpu.outs8(port, from, bytes);
}
