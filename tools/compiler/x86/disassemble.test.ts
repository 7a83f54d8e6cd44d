import { describe, expect, it } from 'vitest';
import { Assembler } from './assembler.ts';
import { disassemble } from './disassemble.ts';
import { mem, symbol } from './operand.ts';

describe('a listing', () => {
  it('has a line for each instruction, with prefixes, targets and symbols', () => {
    const asm = new Assembler(64);
    const loop = asm.label();
    asm.bind(loop);
    asm.prefix('lock');
    asm.op('cmpxchg r/m64, r64', mem(14, 8), 1);
    asm.op('jne rel8', loop);
    asm.prefix('rep');
    asm.op('movsb');
    asm.op('call rel32', symbol('kernel!main'));
    asm.bytes([0x06]);
    asm.op('ret');
    const code = asm.finish();
    expect(disassemble(code, 0, code.length, asm.relocations).split('\n')).toEqual([
      '00000000  lock cmpxchg QWORD PTR [r14+0x8],rcx',
      '00000006  jne 0x0',
      '00000008  rep movsb',
      '0000000a  call 0xf                                ; kernel!main',
      '0000000f  .byte 0x06',
      '00000010  ret',
    ]);
  });

  it('does not read past its end', () => {
    expect(disassemble(Uint8Array.of(0x48, 0xb8, 1, 2, 3), 0, 4).split('\n')).toEqual([
      '00000000  .byte 0x48',
      '00000001  .byte 0xb8',
      '00000002  add DWORD PTR [rdx],eax',
    ]);
  });
});
