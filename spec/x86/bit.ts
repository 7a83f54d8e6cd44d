import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

/** Bit tests, scans and counts. APM3 §3. */
// biome-ignore format: a row a line
export const bit: readonly Instruction[] = [
  i('bt r/mv, rv',         '0F A3 /r',    { flags: 'UUUUUM' }),
  i('bt r/mv, imm8',       '0F BA /4 ib', { flags: 'UUUUUM' }),
  i('bts r/mv, rv',        '0F AB /r',    { flags: 'UUUUUM', lock: true }),
  i('bts r/mv, imm8',      '0F BA /5 ib', { flags: 'UUUUUM', lock: true }),
  i('btr r/mv, rv',        '0F B3 /r',    { flags: 'UUUUUM', lock: true }),
  i('btr r/mv, imm8',      '0F BA /6 ib', { flags: 'UUUUUM', lock: true }),
  i('btc r/mv, rv',        '0F BB /r',    { flags: 'UUUUUM', lock: true }),
  i('btc r/mv, imm8',      '0F BA /7 ib', { flags: 'UUUUUM', lock: true }),

  i('popcnt rv, r/mv',     'F3 0F B8 /r', { flags: '00M000', feature: 'popcnt' }),
  i('tzcnt rv, r/mv',      'F3 0F BC /r', { flags: 'UUMUUM', feature: 'bmi1' }),
  i('lzcnt rv, r/mv',      'F3 0F BD /r', { flags: 'UUMUUM', feature: 'lzcnt' }),
  i('bsf rv, r/mv',        '0F BC /r',    { flags: 'UUMUUU' }),
  i('bsr rv, r/mv',        '0F BD /r',    { flags: 'UUMUUU' }),

  i('crc32 r32, r/m8',     'F2 0F 38 F0 /r',       { feature: 'sse4.2', width: 8 }),
  i('crc32 r64, r/m8',     'REX.W F2 0F 38 F0 /r', { feature: 'sse4.2', width: 8 }),
  i('crc32 r32, r/m16',    'o16 F2 0F 38 F1 /r',   { feature: 'sse4.2', width: 16 }),
  i('crc32 r32, r/m32',    'o32 F2 0F 38 F1 /r',   { feature: 'sse4.2', width: 32 }),
  i('crc32 r64, r/m64',    'REX.W F2 0F 38 F1 /r', { feature: 'sse4.2', width: 64 }),
].flat();

/** The general-purpose instructions with a VEX prefix, BMI1 and BMI2. APM3 §3. */
// biome-ignore format: a row a line
export const bmi: readonly Instruction[] = [
  i('andn r32, r32, r/m32',  'VEX.LZ.0F38.W0 F2 /r',      { flags: '0MMUU0', feature: 'bmi1' }),
  i('andn r64, r64, r/m64',  'VEX.LZ.0F38.W1 F2 /r',      { flags: '0MMUU0', feature: 'bmi1' }),
  i('bextr r32, r/m32, r32', 'VEX.LZ.0F38.W0 F7 /r',      { flags: '0UMUU0', feature: 'bmi1' }),
  i('bextr r64, r/m64, r64', 'VEX.LZ.0F38.W1 F7 /r',      { flags: '0UMUU0', feature: 'bmi1' }),
  i('blsr r32, r/m32',       'VEX.LZ.0F38.W0 F3 /1',      { flags: '0MMUUM', feature: 'bmi1' }),
  i('blsr r64, r/m64',       'VEX.LZ.0F38.W1 F3 /1',      { flags: '0MMUUM', feature: 'bmi1' }),
  i('blsmsk r32, r/m32',     'VEX.LZ.0F38.W0 F3 /2',      { flags: '0MMUUM', feature: 'bmi1' }),
  i('blsmsk r64, r/m64',     'VEX.LZ.0F38.W1 F3 /2',      { flags: '0MMUUM', feature: 'bmi1' }),
  i('blsi r32, r/m32',       'VEX.LZ.0F38.W0 F3 /3',      { flags: '0MMUUM', feature: 'bmi1' }),
  i('blsi r64, r/m64',       'VEX.LZ.0F38.W1 F3 /3',      { flags: '0MMUUM', feature: 'bmi1' }),
  i('bzhi r32, r/m32, r32',  'VEX.LZ.0F38.W0 F5 /r',      { flags: '0MMUUM', feature: 'bmi2' }),
  i('bzhi r64, r/m64, r64',  'VEX.LZ.0F38.W1 F5 /r',      { flags: '0MMUUM', feature: 'bmi2' }),
  i('pdep r32, r32, r/m32',  'VEX.LZ.F2.0F38.W0 F5 /r',   { feature: 'bmi2' }),
  i('pdep r64, r64, r/m64',  'VEX.LZ.F2.0F38.W1 F5 /r',   { feature: 'bmi2' }),
  i('pext r32, r32, r/m32',  'VEX.LZ.F3.0F38.W0 F5 /r',   { feature: 'bmi2' }),
  i('pext r64, r64, r/m64',  'VEX.LZ.F3.0F38.W1 F5 /r',   { feature: 'bmi2' }),
  i('mulx r32, r32, r/m32',  'VEX.LZ.F2.0F38.W0 F6 /r',   { feature: 'bmi2' }),
  i('mulx r64, r64, r/m64',  'VEX.LZ.F2.0F38.W1 F6 /r',   { feature: 'bmi2' }),
  i('shlx r32, r/m32, r32',  'VEX.LZ.66.0F38.W0 F7 /r',   { feature: 'bmi2' }),
  i('shlx r64, r/m64, r64',  'VEX.LZ.66.0F38.W1 F7 /r',   { feature: 'bmi2' }),
  i('shrx r32, r/m32, r32',  'VEX.LZ.F2.0F38.W0 F7 /r',   { feature: 'bmi2' }),
  i('shrx r64, r/m64, r64',  'VEX.LZ.F2.0F38.W1 F7 /r',   { feature: 'bmi2' }),
  i('sarx r32, r/m32, r32',  'VEX.LZ.F3.0F38.W0 F7 /r',   { feature: 'bmi2' }),
  i('sarx r64, r/m64, r64',  'VEX.LZ.F3.0F38.W1 F7 /r',   { feature: 'bmi2' }),
  i('rorx r32, r/m32, imm8', 'VEX.LZ.F2.0F3A.W0 F0 /r ib', { feature: 'bmi2' }),
  i('rorx r64, r/m64, imm8', 'VEX.LZ.F2.0F3A.W1 F0 /r ib', { feature: 'bmi2' }),
].flat();
