import { describe, expect, it } from 'vitest';
import * as Exit from '../exit.ts';
import { FLAG, type Instruction } from './instruction.ts';
import { i } from './notation.ts';
import { INSTRUCTIONS } from './table.ts';

function row(id: string, mode: 32 | 64 = 64): Instruction {
  const found = INSTRUCTIONS.find(
    (r) => r.id === id && (mode === 64 ? r.modes.long64 : r.modes.protected32),
  );
  return found ?? expect.fail(`no row ${id}`);
}

describe('the notation', () => {
  it('makes a row for each operand size', () => {
    const rows = i('add r/mv, immz', '81 /0 iz');
    expect(rows.map((r) => r.id)).toEqual([
      'add r/m16, imm16',
      'add r/m32, imm32',
      'add r/m64, simm32',
    ]);
    expect(rows.map((r) => r.encoding.operandSize)).toEqual([16, 32, 64]);
    expect(rows.map((r) => r.encoding.rexW)).toEqual([false, false, true]);
    expect(rows.map((r) => r.encoding.immediates)).toEqual([[2], [4], [4]]);
    expect(rows.map((r) => r.modes)).toEqual([
      { protected32: true, long64: true },
      { protected32: true, long64: true },
      { protected32: false, long64: true },
    ]);
  });

  it('gives the stack its width in each mode', () => {
    expect(row('push r64').encoding).toMatchObject({ operandSize: 64, rexW: false });
    expect(row('push r32', 32).modes).toEqual({ protected32: true, long64: false });
    expect(row('push simm32').effect.width).toBe(64);
    expect(row('push simm32', 32).effect.width).toBe(32);
  });

  it('makes a row for each condition, with the flags that it tests', () => {
    const rows = i('jcc rel8', 'd64 70+cc cb', { mode: 64 });
    expect(rows.map((r) => r.encoding.opcode)).toEqual(
      Array.from({ length: 16 }, (_, n) => 0x70 + n),
    );
    expect(rows.map((r) => r.effect.condition)).toEqual(Array.from({ length: 16 }, (_, n) => n));
    expect(rows.find((r) => r.mnemonic === 'jle')?.flags.read).toBe(FLAG.ZF | FLAG.SF | FLAG.OF);
  });

  it('puts each operand where the encoding has it', () => {
    const places = (id: string) => row(id).operands.map((o) => o.place);
    expect(places('add r/m64, r64')).toEqual(['rm', 'reg']);
    expect(places('add r64, r/m64')).toEqual(['reg', 'rm']);
    expect(places('mov r64, cr')).toEqual(['rm', 'reg']);
    expect(places('mov cr, r64')).toEqual(['reg', 'rm']);
    expect(places('andn r64, r64, r/m64')).toEqual(['reg', 'vvvv', 'rm']);
    expect(places('bextr r64, r/m64, r64')).toEqual(['reg', 'rm', 'vvvv']);
    expect(places('blsr r64, r/m64')).toEqual(['vvvv', 'rm']);
    expect(places('psrldq xmm, imm8')).toEqual(['rm', 'immediate']);
    expect(places('shl r/m64, cl')).toEqual(['rm', 'none']);
    expect(places('xchg r64, rax')).toEqual(['opcode', 'none']);
  });

  it.each([
    ['an operand it does not know', 'add r64, r/m65', '01 /r', {}],
    ['a token it does not know', 'add r64, r64', '01 /9', {}],
    ['an encoding without an opcode', 'add r64, r64', 'REX.W /r', {}],
    ['flags that are not six columns', 'nop', '90', { flags: 'MMM' }],
    ['a flag that does not exist', 'nop', '90', { writes: 'XF' }],
  ] as const)('refuses %s', (_, text, encoding, attributes) => {
    expect(() => i(text, encoding, attributes)).toThrow('x86 table');
  });
});

describe('the table', () => {
  it('has every row in at least one mode, and 64-bit operands in long mode only', () => {
    for (const { id, modes, operands } of INSTRUCTIONS) {
      expect(modes.long64 || modes.protected32, id).toBe(true);
      const wide = operands.some((o) => o.file === 'gpr' && o.width === 64);
      expect(wide && modes.protected32, id).toBe(false);
    }
  });

  it('never both defines and leaves undefined a flag', () => {
    for (const { id, flags } of INSTRUCTIONS) {
      expect(flags.written & flags.undefined, id).toBe(0);
    }
  });

  it('leaves undefined what AMD leaves undefined', () => {
    expect(row('and r/m64, r64').flags.undefined).toBe(FLAG.AF);
    expect(row('mul r/m64').flags.undefined).toBe(FLAG.SF | FLAG.ZF | FLAG.AF | FLAG.PF);
    expect(row('bsf r64, r/m64').flags.written).toBe(FLAG.ZF);
    expect(row('shl r/m64, 1').flags.undefined).toBe(FLAG.AF);
    expect(row('shl r/m64, cl').flags.undefined).toBe(FLAG.AF | FLAG.OF);
    expect(row('inc r/m64').flags.written & FLAG.CF).toBe(0);
  });

  it('gives no two rows of a mode the same encoding, unless one of them is an alias', () => {
    for (const mode of ['protected32', 'long64'] as const) {
      const seen = new Map<string, string>();
      for (const instruction of INSTRUCTIONS) {
        if (!instruction.modes[mode] || instruction.alias) continue;
        const { encoding, operands } = instruction;
        // A register-only row and a memory-only one share their bytes but for ModRM.mod.
        const rm = operands.find((o) => o.place === 'rm');
        const kinds = rm === undefined || rm.kind === 'rm' ? ['register', 'memory'] : [rm.kind];
        for (const kind of kinds) {
          const key = JSON.stringify([encoding, kind]);
          expect(seen.get(key), `${instruction.id} and ${seen.get(key)}`).toBeUndefined();
          seen.set(key, instruction.id);
        }
      }
    }
  });

  it('knows which instructions can raise #VC, and by which exit code', () => {
    const intercepted = (id: string) => row(id).intercept;
    expect(intercepted('cpuid')).toBe(Exit.CPUID);
    expect(intercepted('rdmsr')).toBe(Exit.MSR);
    expect(intercepted('outsb')).toBe(Exit.IOIO);
    expect(intercepted('mov dr, r64')).toBe(Exit.DR0_WRITE);
    expect(intercepted('vmgexit')).toBe(Exit.VMGEXIT);
    expect(intercepted('mov r/m64, r64')).toBeUndefined();
    // Every exit code that is an instruction's belongs to some row.
    const codes = new Set(INSTRUCTIONS.map((r) => r.intercept));
    for (let code = Exit.IDTR_READ; code <= Exit.IRET; code++)
      expect(codes, `${code}`).toContain(code);
  });
});
