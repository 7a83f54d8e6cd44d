import { describe, expect, it } from 'vitest';
import type { Assembler } from '../compiler/x86/assembler.ts';
import { writeVectorFill } from '../compiler/x86/helper-vector.ts';
import {
  EAX,
  ECX,
  EDI,
  EDX,
  ESI,
  indexed,
  type Label,
  mem,
  R14,
  RAX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  symbol,
} from '../compiler/x86/operand.ts';
import { violationsIn, violationsOf, withReturn } from './assembled.ts';

/** Code that no compiler of ours makes: what the proof has to see through. */
const UNPROVEN = /not shown to lie within the sandbox/;

/** An access that leaves the sandbox if RCX is more than 2^30 - 1. */
function loadScaled(asm: Assembler): void {
  asm.op('mov r32, r/m32', EAX, indexed(R14, RCX, 8));
}

describe('where paths meet', () => {
  const copies = (asm: Assembler, done: Label, isSame: boolean) => {
    const [first, second] = [asm.label(), asm.label()];
    asm.op('xor r32, r/m32', EAX, EAX);
    asm.op('test r/m32, r32', EDI, EDI);
    asm.op('je rel8', first);
    asm.op('mov r32, r/m32', EAX, ESI);
    asm.bind(first);
    asm.op('mov r32, r/m32', ECX, EAX);
    asm.op('test r/m32, r32', EDX, EDX);
    asm.op('je rel8', second);
    if (!isSame) {
      asm.op('mov r32, r/m32', EAX, EDX);
      asm.op('mov r32, r/m32', ECX, EDI);
    }
    asm.bind(second);
    asm.op('cmp r/m32, simm8', EAX, 10);
    asm.op('jae rel8', done);
    loadScaled(asm);
  };

  it('what is known of a number is known of its copies', () => {
    expect(violationsOf((asm, done) => copies(asm, done, true))).toEqual([]);
  });

  it('copies are so no more once they are other numbers on some path', () => {
    expect(violationsOf((asm, done) => copies(asm, done, false)).join()).toMatch(UNPROVEN);
  });

  it('a bound that grows round a loop is none', () => {
    const found = violationsOf((asm, done) => {
      const again = asm.label();
      asm.op('xor r32, r/m32', ECX, ECX);
      asm.bind(again);
      loadScaled(asm);
      asm.op('add r/m32, simm8', ECX, 1);
      asm.op('test r/m32, r32', EAX, EAX);
      asm.op('jne rel8', again);
      asm.op('jmp rel8', done);
    });
    expect(found.join()).toMatch(UNPROVEN);
  });

  it.each([
    [1000, true],
    [2 ** 30, true],
    [2 ** 30 + 2, false],
  ])('a counter that is compared with %i on its way back stays below', (limit, isProven) => {
    const found = violationsOf((asm) => {
      const again = asm.label();
      asm.op('xor r32, r/m32', ECX, ECX);
      asm.bind(again);
      loadScaled(asm);
      asm.op('add r/m32, simm8', ECX, 1);
      asm.op('cmp r/m32, imm32', ECX, limit);
      asm.op('jb rel8', again);
    });
    if (isProven) expect(found).toEqual([]);
    else expect(found.join()).toMatch(UNPROVEN);
  });

  it('what a counter will be next is bounded with it, before the comparison too', () => {
    const found = violationsOf((asm) => {
      const again = asm.label();
      asm.op('xor r32, r/m32', ECX, ECX);
      asm.bind(again);
      loadScaled(asm);
      asm.op('lea r32, m', EDX, mem(RCX, 2));
      asm.op('cmp r/m32, imm32', ECX, 1000);
      asm.op('mov r32, r/m32', ECX, EDX);
      asm.op('jb rel8', again);
    });
    expect(found).toEqual([]);
  });

  it('a loop that does not change a number leaves it the bound that it has outside', () => {
    const found = violationsOf((asm, done) => {
      const [outer, inner] = [asm.label(), asm.label()];
      asm.op('xor r32, r/m32', EDX, EDX);
      asm.bind(outer);
      asm.op('mov r32, r/m32', ECX, EDX);
      asm.op('and r/m32, imm32', ECX, 0x3ff);
      asm.bind(inner);
      loadScaled(asm);
      asm.op('test r/m32, r32', EAX, EAX);
      asm.op('jne rel8', inner);
      asm.op('add r/m32, simm8', EDX, 2);
      asm.op('cmp r/m32, simm8', EDX, 11);
      asm.op('jne rel8', outer);
      asm.op('jmp rel8', done);
    });
    expect(found).toEqual([]);
  });

  it('a loop from the middle of an instruction, back in step behind it, is followed to its end', () => {
    const found = violationsOf((asm) => {
      asm.op('mov r32, imm32', EAX, 0x9090_9090);
      // jo: to the first of the four NOPs in the number.
      asm.bytes([0x70, 0xfa]);
    });
    expect(found.join()).toMatch(/into the middle of an instruction/);
  });

  it('an address below what was touched on some path only may lie beyond the guard', () => {
    const found = violationsOf((asm) => {
      const skip = asm.label();
      asm.op('test r/m32, r32', EDI, EDI);
      asm.op('je rel8', skip);
      asm.op('test r/m32, r32', mem(RSP, -4096), EAX);
      asm.bind(skip);
      asm.op('test r/m32, r32', mem(RSP, -8000), EAX);
    });
    expect(found.join()).toMatch(/beyond the guard page/);
  });

  it('a jump to the next instruction tells nothing of what was compared', () => {
    const found = violationsOf((asm) => {
      const next = asm.label();
      asm.op('mov r32, r/m32', ECX, EDI);
      asm.op('cmp r/m32, simm8', ECX, 10);
      asm.op('ja rel8', next);
      asm.bind(next);
      loadScaled(asm);
    });
    expect(found.join()).toMatch(UNPROVEN);
  });
});

describe('what a caller passes', () => {
  /** Calls `callee` with 64 bits in RDI, RSI and RDX. */
  const caller = (asm: Assembler) => {
    asm.op('neg r/m64', RDI);
    asm.op('mov r64, r/m64', RSI, RDI);
    asm.op('mov r64, r/m64', RDX, RDI);
    asm.op('call rel32', symbol('callee'));
  };
  const load = (asm: Assembler, index: number) => {
    asm.op('mov r32, r/m32', EAX, indexed(R14, index, 1));
  };

  it.each<[string, (asm: Assembler) => void]>([
    ['read at once', (asm) => load(asm, RDI)],
    [
      'read where paths meet',
      (asm) => {
        const skip = asm.label();
        asm.op('test r/m32, r32', EAX, EAX);
        asm.op('je rel8', skip);
        asm.op('mov r32, imm32', EDI, 5);
        asm.bind(skip);
        load(asm, RDI);
      },
    ],
    [
      'read when its low byte is another',
      (asm) => {
        asm.op('mov r8, imm8', RDI, 1);
        load(asm, RDI);
      },
    ],
  ])('has its 64 bits where it is %s', (_, callee) => {
    const found = violationsIn({
      functions: {
        callee: (asm) => withReturn(asm, callee),
        caller: (asm) => withReturn(asm, caller),
      },
    });
    expect(found.join()).toMatch(UNPROVEN);
  });

  it('has its 64 bits when the callee leaves it to be a result', () => {
    const found = violationsIn({
      functions: {
        callee: (asm) => asm.op('ret'),
        caller: (asm) =>
          withReturn(asm, () => {
            caller(asm);
            load(asm, RDX);
          }),
      },
    });
    expect(found.join()).toMatch(UNPROVEN);
  });

  it('has its 64 bits on the stack of a callee that is looked at later', () => {
    const found = violationsIn({
      functions: {
        callee(asm) {
          asm.op('mov r64, r/m64', RAX, mem(RSP, 8));
          load(asm, RAX);
          asm.op('call rel32', symbol('caller'));
          asm.op('ud2');
        },
        caller(asm) {
          asm.op('neg r/m64', RAX);
          asm.op('sub r/m64, simm8', RSP, 16);
          asm.op('mov r/m64, r64', mem(RSP, 0), RAX);
          asm.op('call rel32', symbol('callee'));
          asm.op('ud2');
        },
      },
    });
    expect(found.join()).toMatch(UNPROVEN);
  });

  it('is still in its place on the stack if one return has not written there', () => {
    const found = violationsIn({
      functions: {
        callee(asm) {
          const writes = asm.label();
          asm.op('test r/m32, r32', EDI, EDI);
          asm.op('jne rel8', writes);
          asm.op('ret');
          asm.bind(writes);
          asm.op('mov r32, r/m32', EAX, EDI);
          asm.op('mov r/m64, r64', mem(RSP, 8), RAX);
          asm.op('ret');
        },
        caller(asm) {
          asm.op('neg r/m64', RAX);
          asm.op('sub r/m64, simm8', RSP, 8);
          asm.op('mov r/m64, r64', mem(RSP, 0), RAX);
          asm.op('call rel32', symbol('callee'));
          asm.op('mov r64, r/m64', RAX, mem(RSP, 0));
          asm.op('add r/m64, simm8', RSP, 8);
          load(asm, RAX);
          asm.op('ret');
        },
      },
    });
    expect(found.join()).toMatch(UNPROVEN);
  });
});

describe('a call', () => {
  it('of a reviewed routine leaves the stack pointer where it was', () => {
    const found = violationsIn({
      functions: {
        'memory.fill': writeVectorFill,
        f(asm) {
          asm.op('lea r64, m', RDI, mem(R14, 8));
          asm.op('xor r32, r/m32', ESI, ESI);
          asm.op('xor r32, r/m32', EDX, EDX);
          asm.op('call rel32', symbol('memory.fill'));
          asm.op('sub r/m64, simm32', RSP, 8);
          asm.op('ret');
        },
      },
    });
    expect(found.join()).toMatch(/a return with the stack pointer not where it was at entry/);
  });

  it.each(['f', 'table_grow'])('of the kernel needs a grant in the function %s, too', (name) => {
    const found = violationsIn({
      grantsNothing: true,
      functions: {
        [name](asm) {
          asm.op('mov r32, imm32', EDI, 0);
          asm.op('jmp rel32', symbol('runtime!service'));
        },
        'runtime!service': (asm) => asm.op('ret'),
      },
    });
    expect(found.join()).toMatch(/a call of the kernel that the manifest does not grant/);
  });
});

describe('an instruction', () => {
  it.each([
    [0, true],
    [1, false],
  ])('stores a number by halves, of which the upper one is %i', (high, isProven) => {
    const found = violationsOf((asm) => {
      asm.op('sub r/m64, simm8', RSP, 8);
      asm.op('mov r/m32, imm32', mem(RSP, 0), 1000);
      asm.op('mov r/m32, imm32', mem(RSP, 4), high);
      asm.op('mov r64, r/m64', RCX, mem(RSP, 0));
      asm.op('add r/m64, simm8', RSP, 8);
      loadScaled(asm);
    });
    if (isProven) expect(found).toEqual([]);
    else expect(found.join()).toMatch(UNPROVEN);
  });

  it.each([
    ['ne', true],
    ['e', false],
  ])('cmov%s chooses what a scan found only if it found a bit', (condition, isProven) => {
    const found = violationsOf((asm) => {
      asm.op('mov r32, imm32', ECX, 63);
      asm.op('bsr r32, r/m32', ESI, EDI);
      asm.op(`cmov${condition} r32, r/m32`, ECX, ESI);
      loadScaled(asm);
    });
    if (isProven) expect(found).toEqual([]);
    else expect(found.join()).toMatch(UNPROVEN);
  });

  it('finds no bit, and leaves 64 bits of what was there', () => {
    const found = violationsOf((asm) => {
      asm.op('mov r64, r/m64', RCX, RDI);
      asm.op('neg r/m64', RCX);
      asm.op('bsf r32, r/m32', ECX, ESI);
      asm.op('mov r32, r/m32', EAX, indexed(R14, RCX, 1));
    });
    expect(found.join()).toMatch(UNPROVEN);
  });

  it('chooses what a scan found of a register that had 64 bits', () => {
    const found = violationsOf((asm) => {
      asm.op('mov r32, imm32', ECX, 63);
      asm.op('neg r/m64', RSI);
      asm.op('bsr r32, r/m32', ESI, EDI);
      asm.op('cmovne r32, r/m32', ECX, ESI);
      loadScaled(asm);
    });
    expect(found).toEqual([]);
  });

  it('has an address of 32 bits, and is not what it is relative to', () => {
    const found = violationsIn({
      functions: {
        f: (asm) =>
          withReturn(asm, () => {
            // lea rcx, [eip + 16]
            asm.bytes([0x67, 0x48, 0x8d, 0x0d, 16, 0, 0, 0]);
            asm.op('mov r32, r/m32', EAX, indexed(R14, RCX, 1));
            asm.op('mov r32, r/m32', EAX, indexed(R14, RCX, 8));
          }),
      },
    });
    expect(found.join()).toMatch(/\[r14\+rcx\*8\]/);
    expect(found.join()).not.toMatch(/\[r14\+rcx\*1\]/);
  });

  it('moves the stack pointer beyond the guard page, or pops there', () => {
    const found = violationsOf((asm) => {
      asm.op('sub r/m64, simm32', RSP, 1 << 20);
      asm.op('pop r64', RAX);
      asm.op('add r/m64, simm32', RSP, (1 << 20) - 8);
    });
    expect(found.join()).toMatch(
      /sub +rsp,0x100000.*: the stack pointer is moved beyond the guard/,
    );
    expect(found.join()).toMatch(/pop +rax.*: a stack access beyond the guard page/);
  });

  it.each<[string, (asm: Assembler, done: Label) => void]>([
    [
      'shifts by as many bits as there are, which changes no flags',
      (asm, done) => {
        asm.op('mov r32, r/m32', ECX, EDI);
        asm.op('cmp r/m32, simm8', ESI, 5);
        asm.op('shr r/m32, imm8', ECX, 32);
        asm.op('jne rel8', done);
      },
    ],
    [
      'compares eight bits of a number',
      (asm, done) => {
        asm.op('cmp r/m8, imm8', RDI, 10);
        asm.op('jae rel8', done);
        asm.op('mov r32, r/m32', ECX, EDI);
      },
    ],
    [
      'compares with a sign',
      (asm, done) => {
        asm.op('cmp r/m32, simm8', EDI, 10);
        asm.op('jge rel8', done);
        asm.op('mov r32, r/m32', ECX, EDI);
      },
    ],
    [
      'changes a number after the comparison',
      (asm, done) => {
        asm.op('mov r32, r/m32', ECX, EDI);
        asm.op('cmp r/m32, simm8', ECX, 10);
        asm.op('lea r32, m', ECX, mem(RCX, 1 << 30));
        asm.op('jae rel8', done);
      },
    ],
    [
      'changes the flags after the comparison',
      (asm, done) => {
        asm.op('mov r32, r/m32', ECX, EDI);
        asm.op('cmp r/m32, simm8', ECX, 10);
        asm.op('add r/m32, simm8', ESI, 1);
        asm.op('jae rel8', done);
      },
    ],
    [
      'shifts its last bit into the carry flag',
      (asm, done) => {
        asm.op('mov r32, r/m32', ECX, EDI);
        asm.op('shr r/m32, 1', ECX);
        asm.op('ja rel8', done);
      },
    ],
    [
      'scans for a bit, and leaves what was there if there is none',
      (asm, done) => {
        asm.op('bsr r32, r/m32', ECX, EDI);
        asm.op('jne rel8', done);
      },
    ],
    [
      'counts zeros, and leaves what was there on an older CPU',
      (asm) => {
        asm.op('mov r32, r/m32', ECX, EDI);
        asm.op('tzcnt r32, r/m32', ECX, EDI);
      },
    ],
    [
      'extends a sign',
      (asm) => {
        asm.op('mov r32, r/m32', ECX, EDI);
        asm.op('and r/m32, imm32', ECX, 0xff);
        asm.op('movsx r64, r/m8', RCX, RCX);
      },
    ],
  ])('that %s tells nothing of an index', (_, write) => {
    const found = violationsOf((asm, done) => {
      write(asm, done);
      loadScaled(asm);
    });
    expect(found.join()).toMatch(UNPROVEN);
  });
});
