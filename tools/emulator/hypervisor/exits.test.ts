import { describe, expect, it } from 'vitest';
import { VECTOR_GP, VECTOR_PF, VECTOR_UD } from '../../../spec/cpu.ts';
import { bootGuest, FREE_GPA, type GuestCode } from '../../../test/guest.ts';
import { R8, R9, RAX, RBX, RCX, RDI, RDX, RSI } from '../../compiler/x86/operand.ts';
import type { Mode } from '../mode.ts';

/** The machine after a guest without protected state has halted. */
function halted(build: (guest: GuestCode) => void, mode: Mode = 'none') {
  const machine = bootGuest({ mode, memory: 2 ** 23 }, build);
  expect(machine.hypervisor.run(1_000_000)).toEqual({ kind: 'idle' });
  return machine;
}

describe.each(['none', 'sev'] as const)('an exit of a guest in mode %s', (mode) => {
  it('gives CPUID the answers of the machine', () => {
    const { core } = halted((guest) => {
      guest.set(RAX, 0x8000_001f);
      guest.set(RCX, 0);
      guest.asm.op('cpuid');
    }, mode);
    expect(core.state.rax).toBe(mode === 'sev' ? 2n : 0n);
    expect(core.state.rbx & 0x3fn).toBe(mode === 'sev' ? 51n : 0n);
  });

  it('merges what IN reads into RAX as its width says', () => {
    const { core } = halted((guest) => {
      guest.set(RDX, 0x3fd);
      guest.set(RAX, 0x1111_2222_3333_4444n);
      guest.asm.op('in al, dx');
      guest.asm.op('mov r64, r/m64', R8, RAX);
      guest.set(RDX, 0x80);
      guest.asm.op('in eax, dx');
    }, mode);
    expect([core.state.r8, core.state.rax]).toEqual([0x1111_2222_3333_4460n, 0xffff_ffffn]);
  });

  it('has the guest raise #GP for an MSR that the machine does not have, read or written', () => {
    for (const op of ['rdmsr', 'wrmsr']) {
      const { core } = halted((guest) => {
        guest.set(RCX, 0xc001_1234);
        guest.asm.op(op);
      }, mode);
      expect([core.state.r15, core.state.r14]).toEqual([BigInt(VECTOR_GP), 0n]);
    }
  });

  it('reads and writes the MSRs that it has', () => {
    const { core } = halted((guest) => {
      guest.set(RCX, 0x8b);
      guest.asm.op('rdmsr');
      guest.asm.op('mov r64, r/m64', RBX, RDX);
      guest.set(RCX, 0xc001_0015);
      guest.set(RAX, 0);
      guest.set(RDX, 0);
      guest.asm.op('wrmsr');
    }, mode);
    expect([core.state.rbx, core.state.r15]).toEqual([0x0100_0065n, 0n]);
  });

  it('makes #UD of what is a host’s alone, and a result of a hypercall', () => {
    const { core } = halted((guest) => guest.asm.op('vmrun'), mode);
    expect(core.state.r15).toBe(BigInt(VECTOR_UD));
    const called = halted((guest) => guest.asm.op('vmmcall'), mode);
    expect(BigInt.asIntN(64, called.core.state.rax)).toBe(-1000n);
  });

  it('reads all ones where there is no memory and no device', () => {
    const { core } = halted((guest) => {
      guest.store(0x3000_0000, 5);
      guest.load(RBX, 0x3000_0000);
    }, mode);
    expect(core.state.rbx).toBe(0xffff_ffff_ffff_ffffn);
  });
});

describe('string I/O of a guest that the hypervisor can read', () => {
  const text = 'over the wire\n';

  it('sends and takes memory, one instruction an iteration', () => {
    const { console: serial, core } = halted((guest) => {
      for (let at = 0; at < 16; at += 8) {
        const word = Buffer.alloc(8);
        word.write(text.slice(at, at + 8));
        guest.store(FREE_GPA + at, word.readBigUint64LE());
      }
      guest.asm.op('rdtsc');
      guest.asm.op('mov r64, r/m64', R8, RAX);
      guest.set(RDX, 0x3f8);
      guest.set(RSI, FREE_GPA);
      guest.set(RCX, text.length);
      guest.asm.prefix('rep');
      guest.asm.op('outsb');
      guest.asm.op('rdtsc');
      guest.asm.op('mov r64, r/m64', R9, RAX);
      guest.set(RDX, 0x3fd);
      guest.set(RDI, FREE_GPA + 0x100);
      guest.set(RCX, 3);
      guest.asm.prefix('rep');
      guest.asm.op('insb');
      guest.load(RBX, FREE_GPA + 0x100);
    });
    expect(serial.lines).toEqual(['over the wire']);
    const { rbx, rcx, rsi, rdi, r8, r9 } = core.state;
    expect([rbx, rsi, rdi]).toEqual([
      0x60_6060n,
      BigInt(FREE_GPA + text.length),
      BigInt(FREE_GPA + 0x103),
    ]);
    expect(rcx).toBe(BigInt(FREE_GPA + 0x100));
    // RDTSC, five instructions, of which REP OUTSB counts as its iterations.
    expect(r9 - r8).toBe(5n + BigInt(text.length));
  });

  it('faults at the first byte that is not mapped, and can be taken up again', () => {
    const { core, console: serial } = halted((guest) => {
      guest.set(RDX, 0x3f8);
      guest.set(RSI, 0x3fff_fffe);
      guest.set(RCX, 4);
      guest.asm.prefix('rep');
      guest.asm.op('outsb');
    });
    const { r15, cr2, rcx, rsi } = core.state;
    expect([r15, cr2, rcx, rsi]).toEqual([BigInt(VECTOR_PF), 0x4000_0000n, 2n, 0x4000_0000n]);
    expect(serial.lines).toEqual([]);
  });

  it('is named as missing where memory is encrypted', () => {
    const machine = bootGuest({ mode: 'sev' }, (guest) => {
      guest.set(RDX, 0x3f8);
      guest.set(RSI, FREE_GPA);
      guest.asm.op('outsb');
    });
    expect(machine.hypervisor.run(1000)).toMatchObject({
      kind: 'unimplemented',
      what: expect.stringContaining('string I/O'),
    });
  });
});
