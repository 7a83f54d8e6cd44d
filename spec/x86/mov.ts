import * as Exit from '../exit.ts';
import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

/** Moves, extensions, exchanges and address arithmetic. APM3 §3. */
// biome-ignore format: a row a line
export const mov: readonly Instruction[] = [
  i('mov r/m8, r8',        '88 /r'),
  i('mov r/mv, rv',        '89 /r'),
  i('mov r8, r/m8',        '8A /r'),
  i('mov rv, r/mv',        '8B /r'),
  i('mov rv, sreg',        '8C /r',      { effect: 'movFromSegment' }),
  i('mov m16, sreg',       '8C /r',      { effect: 'movFromSegment' }),
  i('mov sreg, r32/m16',   '8E /r',      { effect: 'movToSegment' }),
  i('mov al, moffs8',      'A0 mo'),
  i('mov rAv, moffsv',     'A1 mo'),
  i('mov moffs8, al',      'A2 mo'),
  i('mov moffsv, rAv',     'A3 mo'),
  i('mov r8, imm8',        'B0+r ib'),
  i('mov r16, imm16',      'o16 B8+r iw'),
  i('mov r32, imm32',      'o32 B8+r id'),
  i('mov r64, imm64',      'REX.W B8+r iq'),
  i('mov r/m8, imm8',      'C6 /0 ib'),
  i('mov r/mv, immz',      'C7 /0 iz'),

  i('movzx rv, r/m8',      '0F B6 /r'),
  i('movzx rv, r/m16',     '0F B7 /r'),
  i('movsx rv, r/m8',      '0F BE /r'),
  i('movsx rv, r/m16',     '0F BF /r'),
  i('movsxd r16, r/m32',   'o16 63 /r',  { mode: 64 }),
  i('movsxd r32, r/m32',   'o32 63 /r',  { mode: 64 }),
  i('movsxd r64, r/m32',   'REX.W 63 /r'),
  i('movbe rv, mv',        '0F 38 F0 /r', { feature: 'movbe' }),
  i('movbe mv, rv',        '0F 38 F1 /r', { feature: 'movbe' }),
  i('movnti my, ry',       'NP 0F C3 /r', { feature: 'sse2' }),
  i('lea rv, m',           '8D /r'),

  i('xchg r/m8, r8',       '86 /r',      { lock: true }),
  i('xchg r/mv, rv',       '87 /r',      { lock: true }),
  i('nop',                 '90'),
  i('xchg rv, rAv',        '90+r'),
  i('bswap ry',            '0F C8+r'),

  i('cmovcc rv, r/mv',     '0F 40+cc /r', { feature: 'cmov' }),
  i('setcc r/m8',          '0F 90+cc /r'),

  i('cbw',                 'o16 98'),
  i('cwde',                'o32 98'),
  i('cdqe',                'o64 98'),
  i('cwd',                 'o16 99'),
  i('cdq',                 'o32 99'),
  i('cqo',                 'o64 99'),

  i('lahf',                '9F',         { reads: 'szapc', feature: 'lahf' }),
  i('sahf',                '9E',         { flags: '-MMMMM', feature: 'lahf' }),
  i('xlatb',               'D7',         { width: 8 }),
  i('salc',                'D6',         { reads: 'c', mode: 32, width: 8, alias: true }),

  i('clc',                 'F8',         { flags: '-----0' }),
  i('stc',                 'F9',         { flags: '-----1' }),
  i('cmc',                 'F5',         { flags: '-----M', reads: 'c' }),
  i('cld',                 'FC',         { writes: 'DF' }),
  i('std',                 'FD',         { writes: 'DF' }),

  i('les r16, m16:16',     'o16 C4 /r',  { mode: 32, effect: 'loadFar' }),
  i('les r32, m16:32',     'o32 C4 /r',  { mode: 32, effect: 'loadFar' }),
  i('lds r16, m16:16',     'o16 C5 /r',  { mode: 32, effect: 'loadFar' }),
  i('lds r32, m16:32',     'o32 C5 /r',  { mode: 32, effect: 'loadFar' }),
  // AMD's processors have no 64-bit far pointers: REX.W changes nothing here.
  i('lss r16, m16:16',     'o16 0F B2 /r', { effect: 'loadFar' }),
  i('lss r32, m16:32',     'o32 0F B2 /r', { effect: 'loadFar' }),
  i('lfs r16, m16:16',     'o16 0F B4 /r', { effect: 'loadFar' }),
  i('lfs r32, m16:32',     'o32 0F B4 /r', { effect: 'loadFar' }),
  i('lgs r16, m16:16',     'o16 0F B5 /r', { effect: 'loadFar' }),
  i('lgs r32, m16:32',     'o32 0F B5 /r', { effect: 'loadFar' }),

  // Hints. The aliases hold whatever ModRM.reg says.
  i('prefetch m8',         '0F 0D /0',   { effect: 'nop', feature: '3dnowprefetch' }),
  i('prefetchw m8',        '0F 0D /1',   { effect: 'nop', feature: '3dnowprefetch' }),
  i('prefetchnta m8',      '0F 18 /0',   { effect: 'nop', feature: 'sse' }),
  i('prefetcht0 m8',       '0F 18 /1',   { effect: 'nop', feature: 'sse' }),
  i('prefetcht1 m8',       '0F 18 /2',   { effect: 'nop', feature: 'sse' }),
  i('prefetcht2 m8',       '0F 18 /3',   { effect: 'nop', feature: 'sse' }),
  i('endbr64',             'F3 0F 1E FA', { effect: 'nop' }),
  i('endbr32',             'F3 0F 1E FB', { effect: 'nop' }),
  i('nop r/mv',            '0F 1F /0'),
  ...['18', '19', '1A', '1B', '1C', '1D', '1E', '1F'].map((opcode) =>
    i('nop r/mv', `0F ${opcode} /r`, { effect: 'nop', alias: true }),
  ),
  i('prefetch m8',         '0F 0D /r',   { effect: 'nop', feature: '3dnowprefetch', alias: true }),
  i('pause',               'F3 90',      { intercept: Exit.PAUSE, feature: 'sse2' }),
].flat();
