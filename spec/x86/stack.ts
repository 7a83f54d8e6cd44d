import * as Exit from '../exit.ts';
import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

const ALL_FLAGS = { flags: 'MMMMMM', writes: 'TF IF DF IOPL NT RF AC ID VIF VIP' } as const;

/** Stack and frame instructions. 64-bit mode pushes and pops 64 or 16 bits. APM3 §3. */
// biome-ignore format: a row a line
export const stack: readonly Instruction[] = [
  i('push rv',             'd64 50+r'),
  i('push r/mv',           'd64 FF /6'),
  i('push simm8',          'd64 6A ib'),
  i('push simm32',         'd64 68 id'),
  i('pushw simm8',         'o16 6A ib',  { effect: 'push' }),
  i('pushw imm16',         'o16 68 iw',  { effect: 'push' }),
  i('pop rv',              'd64 58+r'),
  i('pop r/mv',            'd64 8F /0'),

  i('push es',             'o32 06',     { mode: 32, effect: 'pushSegment' }),
  i('push cs',             'o32 0E',     { mode: 32, effect: 'pushSegment' }),
  i('push ss',             'o32 16',     { mode: 32, effect: 'pushSegment' }),
  i('push ds',             'o32 1E',     { mode: 32, effect: 'pushSegment' }),
  i('push fs',             'd64 0F A0',  { effect: 'pushSegment' }),
  i('push gs',             'd64 0F A8',  { effect: 'pushSegment' }),
  i('pushw es',            'o16 06',     { mode: 32, effect: 'pushSegment' }),
  i('pushw cs',            'o16 0E',     { mode: 32, effect: 'pushSegment' }),
  i('pushw ss',            'o16 16',     { mode: 32, effect: 'pushSegment' }),
  i('pushw ds',            'o16 1E',     { mode: 32, effect: 'pushSegment' }),
  i('pushw fs',            'o16 0F A0',  { effect: 'pushSegment' }),
  i('pushw gs',            'o16 0F A8',  { effect: 'pushSegment' }),
  i('pop es',              'o32 07',     { mode: 32, effect: 'popSegment' }),
  i('pop ss',              'o32 17',     { mode: 32, effect: 'popSegment' }),
  i('pop ds',              'o32 1F',     { mode: 32, effect: 'popSegment' }),
  i('pop fs',              'd64 0F A1',  { effect: 'popSegment' }),
  i('pop gs',              'd64 0F A9',  { effect: 'popSegment' }),
  i('popw es',             'o16 07',     { mode: 32, effect: 'popSegment' }),
  i('popw ss',             'o16 17',     { mode: 32, effect: 'popSegment' }),
  i('popw ds',             'o16 1F',     { mode: 32, effect: 'popSegment' }),
  i('popw fs',             'o16 0F A1',  { effect: 'popSegment' }),
  i('popw gs',             'o16 0F A9',  { effect: 'popSegment' }),

  i('pushaw',              'o16 60',     { mode: 32, effect: 'pusha' }),
  i('pusha',               'o32 60',     { mode: 32 }),
  i('popaw',               'o16 61',     { mode: 32, effect: 'popa' }),
  i('popa',                'o32 61',     { mode: 32 }),

  i('pushfw',              'o16 9C',     { effect: 'pushf', intercept: Exit.PUSHF }),
  i('pushf',               'd64 9C',     { intercept: Exit.PUSHF }),
  i('popfw',               'o16 9D',     { ...ALL_FLAGS, effect: 'popf', intercept: Exit.POPF }),
  i('popf',                'd64 9D',     { ...ALL_FLAGS, intercept: Exit.POPF }),

  i('enter imm16, imm8',   'd64 C8 iw ib'),
  i('enterw imm16, imm8',  'o16 C8 iw ib', { effect: 'enter' }),
  i('leave',               'd64 C9'),
  i('leavew',              'o16 C9',     { effect: 'leave' }),
].flat();
