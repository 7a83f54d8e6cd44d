import { beforeAll, describe, expect, it } from 'vitest';
import type { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Exit from '../../spec/exit.ts';
import type { View } from '../../spec/layout.ts';
import { CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { type BareMachine, type Mode, PLACES } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { liar, panicked } from '../../test/kernel/run.ts';
import { AT, at, withSite as bootWithSite, VC } from '../../test/kernel/vc-site.ts';

const CPUID = [0x0f, 0xa2];

describe('#VC', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** A kernel that booted, up to where its program runs `instruction`, a site of exit `code`. */
  const withSite = (
    mode: Mode,
    instruction: readonly number[],
    code: number,
    then: (machine: BareMachine) => void,
    hypervisor = liar({}),
  ) => bootWithSite(module, { mode, instruction, code, hypervisor }, then);

  it('of CPUID is answered from the AMD-SP’s page under SNP, and from it alone', () => {
    let frame: View<typeof TrapFrame> | undefined;
    let exits = 0;
    const { end } = withSite('snp', CPUID, Exit.CPUID, (machine) => {
      Object.assign(machine.view(CpuidPage, PLACES.cpuid), { count: 0 }); // copied once, long ago
      exits = machine.exits;
      const rax = BigInt(Cpuid.LEAF_ENCRYPTED_MEMORY);
      frame = machine.trap(VC, at({ error: BigInt(Exit.CPUID), rax, rbx: ~0n & 0xffffn }));
      exits = machine.exits - exits;
    });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(frame).toMatchObject({
      rbx: 0x8000_0033n,
      rcx: 0n,
      rdx: 0n,
      rip: AT + 2n,
    });
    expect(exits).toBe(0);
  });

  it('of CPUID reads as zeroes for a leaf that the page does not have', () => {
    let frame: View<typeof TrapFrame> | undefined;
    withSite('snp', CPUID, Exit.CPUID, (machine) => {
      frame = machine.trap(VC, at({ error: BigInt(Exit.CPUID), rax: 0x4000_0077n, rdx: 7n }));
    });
    expect(frame).toMatchObject({ rax: 0n, rbx: 0n, rcx: 0n, rdx: 0n });
  });

  it('of CPUID is asked of the host under SEV-ES', () => {
    const hypervisor = liar({});
    const { serve } = hypervisor;
    hypervisor.serve = (call, machine) => {
      if (call.code !== Exit.CPUID) return serve.call(hypervisor, call, machine);
      Object.assign(call.ghcb, { rax: 1n, rbx: 2n, rcx: 3n, rdx: 4n });
      call.ghcb.validLow |= 1n << 63n;
      call.ghcb.validHigh |= 7n << 33n;
    };
    let frame: View<typeof TrapFrame> | undefined;
    const then = (machine: BareMachine) => {
      frame = machine.trap(VC, at({ error: BigInt(Exit.CPUID), rax: 1n }));
    };
    withSite('sev-es', CPUID, Exit.CPUID, then, hypervisor);
    expect(frame).toMatchObject({ rax: 1n, rbx: 2n, rcx: 3n, rdx: 4n });
  });

  it.each([
    ['out %al, (%dx)', [0xee], { rax: 0x1234n, rdx: 0x3f8n }, 1n],
    ['out %al, $imm8', [0xe6, 0x80], { rax: 0x1234n }, 2n],
    ['out %ax, (%dx)', [0x66, 0xef], { rax: 0x1234n, rdx: 0x80n }, 2n],
    ['in (%dx), %eax', [0xed], { rax: ~0n & 0xffff_ffff_ffffn, rdx: 0x3fdn }, 1n],
  ] as const)(
    'of `%s` goes through the GHCB, and on to the next instruction',
    (_, code, regs, n) => {
      let frame: View<typeof TrapFrame> | undefined;
      const { end } = withSite('snp', code, Exit.IOIO, (machine) => {
        frame = machine.trap(VC, at({ error: BigInt(Exit.IOIO), ...regs }));
      });
      expect(end).toEqual({ kind: 'exit', code: 0 });
      expect(frame?.rip).toBe(AT + n);
      if (code[0] === 0xed) expect(frame?.rax).toBe(0x20n);
      else expect(frame?.rax).toBe(regs.rax);
    },
  );

  it('of IN leaves the bits of RAX that its width does not cover', () => {
    let frame: View<typeof TrapFrame> | undefined;
    withSite('snp', [0xec], Exit.IOIO, (machine) => {
      const rax = 0x1122_3344_5566_7788n;
      frame = machine.trap(VC, at({ error: BigInt(Exit.IOIO), rax, rdx: 0x3fdn }));
    });
    expect(frame?.rax).toBe(0x1122_3344_5566_7720n);
  });

  it.each([
    ['RDMSR', [0x0f, 0x32], { rax: 0x5566n, rdx: 0x3344n }],
    ['WRMSR', [0x0f, 0x30], { rax: 9n, rdx: 8n }],
  ] as const)('of %s goes through the GHCB', (_, code, expected) => {
    const hypervisor = liar({});
    const { serve } = hypervisor;
    hypervisor.serve = (call, machine) => {
      if (call.code !== Exit.MSR) return serve.call(hypervisor, call, machine);
      expect(call.ghcb.rcx).toBe(0x1bn);
      expect(call.info1).toBe(code[1] === 0x30 ? 1n : 0n);
      if (call.info1 === 1n) expect(call.ghcb).toMatchObject(expected);
      else Object.assign(call.ghcb, expected);
      call.ghcb.validLow |= 1n << 63n;
      call.ghcb.validHigh |= 1n << 34n;
    };
    let frame: View<typeof TrapFrame> | undefined;
    const then = (machine: BareMachine) => {
      frame = machine.trap(VC, at({ error: BigInt(Exit.MSR), rax: 9n, rdx: 8n, rcx: 0x1bn }));
    };
    withSite('snp', code, Exit.MSR, then, hypervisor);
    expect(frame).toMatchObject({ ...expected, rip: AT + 2n });
  });

  it.each([
    ['RDMSR of SEV_STATUS', 0x32, 0xc001_0131n],
    ['RDMSR of GUEST_TSC_FREQ', 0x32, 0xc001_0134n],
    ['WRMSR of the GHCB MSR', 0x30, 0xc001_0130n],
    ['WRMSR of EFER', 0x30, 0xc000_0080n],
  ])('of %s, which no host intercepts, ends the guest', (_, opcode, rcx) => {
    const { end } = withSite('snp', [0x0f, opcode], Exit.MSR, (machine) => {
      machine.trap(VC, at({ error: BigInt(Exit.MSR), rcx }));
    });
    expect(end).toEqual(panicked('VC_AT_WRONG_SITE'));
  });

  it.each([
    ['from an address that is no site', { rip: AT + 1n }, Exit.CPUID],
    ['with the code of another instruction', {}, Exit.VMMCALL],
    ['with bits above the code', { error: 0x1_0000_0072n }, Exit.CPUID],
    ['from outside the text', { rip: 0x18_0000n }, Exit.CPUID],
  ])('%s ends the guest before it writes what the host can read', (_, fields, code) => {
    let before: string | undefined;
    let machineOf: BareMachine | undefined;
    const shared = (machine: BareMachine) => {
      const [gpa = 0n] = machine.hypervisor.registered;
      return Buffer.from(machine.memory.page(gpa)).toString('hex') + machine.console;
    };
    const { end } = withSite('snp', CPUID, Exit.CPUID, (machine) => {
      machineOf = machine;
      before = shared(machine);
      const canary = 0xdead_beef_cafe_f00dn;
      machine.trap(VC, at({ error: BigInt(code), rax: canary, rbx: canary, ...fields }));
    });
    expect(end).toEqual(panicked('VC_AT_WRONG_SITE'));
    expect(machineOf && shared(machineOf)).toBe(before);
  });

  it.each([
    ['CPUID', Exit.CPUID, 'a site of CPUID with other bytes'],
    ['IOIO', Exit.IOIO, 'a site of IN or OUT with other bytes'],
    ['MSR', Exit.MSR, 'a site of RDMSR or WRMSR with other bytes'],
  ])('%s: ends the guest at %s', (_, code) => {
    const { end } = withSite('snp', [0x90, 0x90], code, (machine) => {
      machine.trap(VC, at({ error: BigInt(code) }));
    });
    expect(end).toEqual(panicked('VC_AT_WRONG_SITE'));
  });

  it.each([
    ['of a page that is not validated', Exit.PAGE_NOT_VALIDATED, 'VC_NOT_VALIDATED'],
    ['of a nested page fault', Exit.NPF, 'VC_NESTED_PAGE_FAULT'],
    ['of an alignment check', Exit.AC_EXCP, 'VC_ALIGNMENT_CHECK'],
  ] as const)('%s ends the guest, wherever it comes from', (_, code, reason) => {
    const { end } = withSite('snp', CPUID, code, (machine) => {
      machine.trap(VC, at({ error: BigInt(code) }));
    });
    expect(end).toEqual(panicked(reason));
  });

  it('of an instruction that is not served ends the guest', () => {
    const { end } = withSite('snp', [0xf4], Exit.HLT, (machine) => {
      machine.trap(VC, at({ error: BigInt(Exit.HLT) }));
    });
    expect(end).toEqual(panicked('VC_NOT_SERVED'));
  });

  it('ends the guest where there is no SEV-ES', () => {
    for (const mode of ['none', 'sev'] as const) {
      const { end } = withSite(mode, CPUID, Exit.CPUID, (machine) => {
        machine.trap(VC, at({ error: BigInt(Exit.CPUID) }));
      });
      expect(end).toEqual(panicked('VC_WITHOUT_ES'));
    }
  });

  it('within #VC ends the guest', () => {
    const hypervisor = liar({});
    const { serve } = hypervisor;
    let served = 0;
    hypervisor.serve = (call, machine) => {
      if (call.code === Exit.IOIO && call.info1 === 0x80_0210n && served++ === 0) {
        machine.trap(VC, at({ error: BigInt(Exit.IOIO) }));
      }
      serve.call(hypervisor, call, machine);
    };
    const then = (machine: BareMachine) => {
      machine.trap(VC, at({ error: BigInt(Exit.IOIO) }));
    };
    const { end } = withSite('snp', [0xe6, 0x80], Exit.IOIO, then, hypervisor);
    expect(served).toBe(1);
    expect(end).toEqual(panicked('VC_NESTED'));
  });

  /** Takes a #VC of CPUID under SEV-ES while there is no GHCB yet. */
  const early = (registers: Partial<View<typeof TrapFrame>>) => {
    const honest = liar({});
    let frame: View<typeof TrapFrame> | undefined;
    const hypervisor = liar({
      msr(request, machine) {
        if ((request & 0xfffn) === 0x004n) {
          return (request & 0xffff_ffff_c000_0000n) | 0x005n; // each register's value is the leaf
        }
        if (!frame) frame = machine.trap(VC, at({ error: BigInt(Exit.CPUID), ...registers }));
        return honest.msr(request, machine);
      },
    });
    const { end } = withSite('sev-es', CPUID, Exit.CPUID, () => {}, hypervisor);
    return { end, frame };
  };

  it('of CPUID goes through the MSR while there is no GHCB', () => {
    const { end, frame } = early({ rax: 0x16n });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(frame).toMatchObject({ rax: 0x16n, rbx: 0x16n, rcx: 0x16n, rdx: 0x16n });
  });

  it('of a CPUID subleaf, which the MSR has no room for, ends the guest', () => {
    const { end } = early({ rax: BigInt(Cpuid.LEAF_XSAVE), rcx: 1n });
    expect(end).toEqual(panicked('VC_CPUID_LEAF'));
  });
});
