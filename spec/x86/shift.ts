import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

/**
 * One operation of the group C0, C1, D0…D3. A shift by one defines OF; by another count it does not,
 * and a count of zero (after masking) changes no flag at all. APM3 §3, RCL … SHR.
 */
// biome-ignore format: a row a line
function shifts(name: string, n: number, one: string, many: string, more: object = {}): Instruction[] {
  return [
    i(`${name} r/m8, imm8`, `C0 /${n} ib`, { flags: many, ...more }),
    i(`${name} r/mv, imm8`, `C1 /${n} ib`, { flags: many, ...more }),
    i(`${name} r/m8, 1`,    `D0 /${n}`,    { flags: one, ...more }),
    i(`${name} r/mv, 1`,    `D1 /${n}`,    { flags: one, ...more }),
    i(`${name} r/m8, cl`,   `D2 /${n}`,    { flags: many, ...more }),
    i(`${name} r/mv, cl`,   `D3 /${n}`,    { flags: many, ...more }),
  ].flat();
}

// biome-ignore format: a row a line
export const shift: readonly Instruction[] = [
  shifts('rol', 0, 'M----M', 'U----M'),
  shifts('ror', 1, 'M----M', 'U----M'),
  shifts('rcl', 2, 'M----M', 'U----M', { reads: 'c' }),
  shifts('rcr', 3, 'M----M', 'U----M', { reads: 'c' }),
  shifts('shl', 4, 'MMMUMM', 'UMMUMM'),
  shifts('shr', 5, 'MMMUMM', 'UMMUMM'),
  shifts('shl', 6, 'MMMUMM', 'UMMUMM', { alias: true }),
  shifts('sar', 7, 'MMMUMM', 'UMMUMM'),

  i('shld r/mv, rv, imm8', '0F A4 /r ib', { flags: 'UMMUMM' }),
  i('shld r/mv, rv, cl',   '0F A5 /r',    { flags: 'UMMUMM' }),
  i('shrd r/mv, rv, imm8', '0F AC /r ib', { flags: 'UMMUMM' }),
  i('shrd r/mv, rv, cl',   '0F AD /r',    { flags: 'UMMUMM' }),
].flat();
