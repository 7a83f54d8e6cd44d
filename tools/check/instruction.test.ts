import { describe, expect, it } from 'vitest';
import { instructionAt } from './instruction.ts';

const at = (...bytes: number[]) => instructionAt(Uint8Array.from(bytes), 0x1000, 0);

describe('an instruction', () => {
  it('has its operands, and the address of the next one', () => {
    // lea rax, [r14 + rcx * 4 - 8]
    const lea = at(0x49, 0x8d, 0x44, 0x8e, 0xf8);
    expect(lea).toMatchObject({
      address: 0x1000,
      next: 0x1005,
      operands: [
        { kind: 'register', file: 'gpr', number: 0, width: 64 },
        { kind: 'memory', size: 0, at: { base: 14, index: 1, scale: 4, displacement: -8 } },
      ],
    });
  });

  it('leads where its distance says', () => {
    expect(at(0xe8, 0xfb, 0xff, 0xff, 0xff)).toMatchObject({
      operands: [{ kind: 'target', address: 0x1000 }],
    });
  });

  it.each([
    ['is not in the table', [0x0f, 0xff], 'no instruction of the table'],
    ['is cut off', [0xe8, 0, 0], 'no instruction of the table'],
    ['goes through FS', [0x64, 0x48, 0x8b, 0x00], 'a segment override'],
    ['stores a string through GS', [0x65, 0xf3, 0xaa], 'a segment override'],
    ['stores a string at 32 bits', [0x67, 0xf3, 0xaa], 'an address of 32 bits that is implied'],
    [
      'calls within 16 bits of RIP',
      [0x66, 0xe8, 0, 0, 0, 0],
      'a prefix that does not belong there',
    ],
    ['returns to 16 bits', [0x66, 0xc3], 'a prefix that does not belong there'],
    [
      'loads from 64 bits of address',
      [0x48, 0xa1, 0, 0, 0, 0, 0, 0, 0, 0],
      'an address without ModRM',
    ],
    ['stores to 64 bits of address', [0xa2, 0, 0, 0, 0, 0, 0, 0, 0], 'an address without ModRM'],
    [
      'is of an opcode map of AVX-512',
      [0xc4, 0xe5, 0x78, 0x28, 0xc1],
      'no instruction of the table',
    ],
    ['moves AH', [0x88, 0xe0], 'a register AH, CH, DH or BH'],
  ])('is refused if it %s', (_, bytes, why) => {
    const refused = at(...bytes);
    expect(typeof refused === 'string' ? [why, 'no instruction of the table'] : []).toContain(
      refused,
    );
  });

  it('may be a byte of RSI where REX says so', () => {
    expect(at(0x40, 0x88, 0xf0)).toMatchObject({
      operands: [{ number: 0 }, { kind: 'register', number: 6, width: 8 }],
    });
  });
});
