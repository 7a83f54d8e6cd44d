import * as Exit from '../exit.ts';
import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';

/** Flags that an interrupt gate or a return through one changes. APM2 §8.9. */
const RETURN = { flags: 'MMMMMM', writes: 'TF IF DF IOPL NT RF VM AC ID VIF VIP' } as const;

/**
 * Control transfers. Near ones are 64 bits wide in 64-bit mode. The forms with a 16-bit displacement
 * exist in 64-bit mode on AMD's processors only, which cut RIP to 16 bits (APM3 §1.2.2). Far pointers in
 * memory have offsets of 16 or 32 bits there, whatever REX.W says. Short branches with prefix 66, which no
 * assembler writes, are left out.
 */
// biome-ignore format: a row a line
export const branch: readonly Instruction[] = [
  i('jcc rel8',            'd64 70+cc cb'),
  i('jcc rel32',           'd64 0F 80+cc cd'),
  i('jcc rel16',           'o16 0F 80+cc cw'),
  i('jmp rel8',            'd64 EB cb'),
  i('jmp rel32',           'd64 E9 cd'),
  i('jmp rel16',           'o16 E9 cw'),
  i('jmp r/mv',            'd64 FF /4'),
  i('jmp m16:16',          'o16 FF /5',   { effect: 'jmpFar' }),
  i('jmp m16:32',          'o32 FF /5',   { effect: 'jmpFar' }),
  i('jmp ptr16:16',        'o16 EA iw iw', { mode: 32, effect: 'jmpFar' }),
  i('jmp ptr16:32',        'o32 EA id iw', { mode: 32, effect: 'jmpFar' }),
  i('call rel32',          'd64 E8 cd'),
  i('call rel16',          'o16 E8 cw'),
  i('call r/mv',           'd64 FF /2'),
  i('call m16:16',         'o16 FF /3',   { effect: 'callFar' }),
  i('call m16:32',         'o32 FF /3',   { effect: 'callFar' }),
  i('call ptr16:16',       'o16 9A iw iw', { mode: 32, effect: 'callFar' }),
  i('call ptr16:32',       'o32 9A id iw', { mode: 32, effect: 'callFar' }),
  i('ret',                 'd64 C3'),
  i('ret imm16',           'd64 C2 iw'),
  i('retw',                'o16 C3',      { effect: 'ret' }),
  i('retw imm16',          'o16 C2 iw',   { effect: 'ret' }),
  i('retf',                'o32 CB',      { effect: 'retFar' }),
  i('retf imm16',          'o32 CA iw',   { effect: 'retFar' }),
  i('retfw',               'o16 CB',      { effect: 'retFar' }),
  i('retfw imm16',         'o16 CA iw',   { effect: 'retFar' }),
  i('retfq',               'o64 CB',      { effect: 'retFar' }),
  i('retfq imm16',         'o64 CA iw',   { effect: 'retFar' }),

  i('loopne rel8',         'd64 E0 cb',   { reads: 'z' }),
  i('loope rel8',          'd64 E1 cb',   { reads: 'z' }),
  i('loop rel8',           'd64 E2 cb'),
  i('jcxz rel8',           'a16 E3 cb',   { mode: 32 }),
  i('jecxz rel8',          'a32 E3 cb',   { effect: 'jcxz' }),
  i('jrcxz rel8',          'a64 E3 cb',   { mode: 64, effect: 'jcxz' }),

  i('int3',                'CC',          { writes: 'IF TF NT RF' }),
  i('int imm8',            'CD ib',       { writes: 'IF TF NT RF', intercept: Exit.SWINT }),
  i('into',                'CE',          { mode: 32, reads: 'o', writes: 'IF TF NT RF' }),
  i('int1',                'F1',          { writes: 'IF TF NT RF', intercept: Exit.ICEBP }),
  i('iretw',               'o16 CF',      { ...RETURN, effect: 'iret', intercept: Exit.IRET }),
  i('iretd',               'o32 CF',      { ...RETURN, effect: 'iret', intercept: Exit.IRET }),
  i('iretq',               'o64 CF',      { ...RETURN, effect: 'iret', intercept: Exit.IRET }),
  i('syscall',             '0F 05',       { ...RETURN, feature: 'syscall' }),
  i('sysretd',             '0F 07',       { ...RETURN, effect: 'sysret', width: 32, cpl0: true, feature: 'syscall' }),
  i('sysretq',             'o64 0F 07',   { ...RETURN, effect: 'sysret', cpl0: true, feature: 'syscall' }),
  i('sysenter',            '0F 34',       { writes: 'IF RF VM', mode: 32, feature: 'sep' }),
  i('sysexit',             '0F 35',       { mode: 32, cpl0: true, feature: 'sep' }),

  i('ud0 rv, r/mv',        '0F FF /r',    { effect: 'ud' }),
  i('ud1 rv, r/mv',        '0F B9 /r',    { effect: 'ud' }),
  i('ud2',                 '0F 0B',       { effect: 'ud' }),
].flat();
