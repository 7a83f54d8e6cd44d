import { beforeAll, describe, expect, it } from 'vitest';
import type { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Exit from '../../spec/exit.ts';
import * as Protocol from '../../spec/ghcb.ts';
import { type View, view } from '../../spec/layout.ts';
import { CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { Ghcb } from '../../spec/layouts/ghcb.ts';
import * as Msr from '../../spec/msr.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import type { Call } from '../../test/kernel/hypervisor.ts';
import { type BareMachine, PLACES } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { panicked } from '../../test/kernel/run.ts';
import { AT, answering, at, give, VC, withSite } from '../../test/kernel/vc-site.ts';

type Frame = Partial<View<typeof TrapFrame>>;

/** Private memory for strings. */
const STRING = 0x40_0000;
const ALL_ONES = (1n << 64n) - 1n;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

/** The frame after #VC `code` of `instruction` with `registers`, and the requests it made. */
function served(
  instruction: readonly number[],
  code: number,
  registers: Frame,
  answer: (call: Call) => void = () => {},
  fill: (machine: BareMachine) => void = () => {},
  prepare: (machine: BareMachine) => void = () => {},
) {
  const calls: { info1: bigint; info2: bigint; rax: bigint; rcx: bigint }[] = [];
  let begun = false;
  const hypervisor = answering(code, (call) => {
    if (!begun) return;
    const { rax, rcx } = call.ghcb;
    calls.push({ info1: call.info1, info2: call.info2, rax, rcx });
    answer(call);
  });
  let frame: View<typeof TrapFrame> | undefined;
  let text = '';
  const site = { mode: 'snp', instruction, code, hypervisor, prepare } as const;
  const { end } = withSite(module, site, (machine) => {
    fill(machine);
    begun = true;
    frame = machine.trap(VC, at({ error: BigInt(code), ...registers }));
    begun = false;
    text = Buffer.from(machine.memory.page(BigInt(STRING)).subarray(0, 16)).toString('latin1');
  });
  return { frame, end, calls, text };
}

describe('#VC of', () => {
  it.each([
    ['RDTSC', [0x0f, 0x31], Exit.RDTSC, undefined],
    ['RDTSCP', [0x0f, 0x01, 0xf9], Exit.RDTSCP, 7n],
  ] as const)('%s takes the host’s time stamp', (_, bytes, code, aux) => {
    const registers = { rax: ALL_ONES, rdx: ALL_ONES, rcx: 5n };
    const { frame } = served(bytes, code, registers, (call) =>
      give(call, { rax: ALL_ONES - 1n, rdx: 9n, rcx: 7n }),
    );
    expect(frame).toMatchObject({ rax: 0xffff_fffen, rdx: 9n, rcx: aux ?? 5n });
    expect(frame?.rip).toBe(AT + BigInt(bytes.length));
  });

  it.each([
    ['RDTSC', [0x0f, 0x31], Exit.RDTSC, {}],
    ['RDTSCP', [0x0f, 0x01, 0xf9], Exit.RDTSCP, {}],
    ['RDMSR of the TSC', [0x0f, 0x32], Exit.MSR, { rcx: BigInt(Msr.TSC) }],
  ] as const)('%s ends the guest where the TSC is secure', (_, instruction, code, registers) => {
    const { end, calls } = served(instruction, code, registers, undefined, undefined, (machine) => {
      machine.sevStatus |= BigInt(SevStatus.SECURE_TSC);
      machine.record.sevStatus = machine.sevStatus;
      machine.info.featuresAllowed = BigInt(SevStatus.SECURE_TSC);
    });
    expect(end).toEqual(panicked('VC_TIME_STAMP'));
    expect(calls).toEqual([]);
  });

  it('RDPMC asks for the counter that RCX names', () => {
    const { frame, calls } = served([0x0f, 0x33], Exit.RDPMC, { rcx: 3n }, (call) =>
      give(call, { rax: 1n, rdx: 2n }),
    );
    expect(calls).toMatchObject([{ rcx: 3n }]);
    expect(frame).toMatchObject({ rax: 1n, rdx: 2n, rip: AT + 2n });
  });

  it('an instruction that the host wants #GP of ends the guest as #GP does', () => {
    const { end } = served([0x0f, 0x33], Exit.RDPMC, {}, ({ ghcb }) => {
      ghcb.swExitInfo1 = 1n;
      ghcb.swExitInfo2 = 0x8000_0b0dn;
    });
    expect(end).toEqual(panicked('EXCEPTION'));
  });

  it('WBINVD is asked for', () => {
    const { frame, calls } = served([0x0f, 0x09], Exit.WBINVD, {});
    expect(calls).toHaveLength(1);
    expect(frame?.rip).toBe(AT + 2n);
  });

  it('INVD ends the guest', () => {
    const { end, calls } = served([0x0f, 0x08], Exit.INVD, {});
    expect(end).toEqual(panicked('VC_INVD'));
    expect(calls).toEqual([]);
  });

  it.each([
    ['MONITOR', 0xc8, Exit.MONITOR],
    ['MWAIT', 0xc9, Exit.MWAIT],
  ])('%s does nothing, and tells the host nothing', (_, opcode, code) => {
    const { frame, calls } = served([0x0f, 0x01, opcode], code, { rax: 0x1234n });
    expect(calls).toEqual([]);
    expect(frame?.rip).toBe(AT + 3n);
  });

  it('a read of DR7 gives what was written, whatever the host says', () => {
    const { frame, calls } = served([0x0f, 0x21, 0xfb], Exit.DR7_READ, { rbx: 5n });
    expect(calls).toEqual([]);
    expect(frame).toMatchObject({ rbx: 0x400n, rip: AT + 3n });
  });

  it('a write of DR7 tells the host, without bits that no debug register has', () => {
    const { frame, calls } = served([0x0f, 0x23, 0xf9], Exit.DR7_WRITE, { rcx: ALL_ONES });
    expect(calls).toMatchObject([{ rax: 0xffff_27ffn }]);
    expect(frame?.rip).toBe(AT + 3n);
  });

  it('VMMCALL tells the host RAX and the privilege level, and takes RAX', () => {
    const registers = { rax: 0x55n, rbx: 0x5ec2e7n };
    const { frame, calls } = served([0x0f, 0x01, 0xd9], Exit.VMMCALL, registers, (call) =>
      give(call, { rax: ALL_ONES, rbx: 1n }),
    );
    expect(calls).toMatchObject([{ rax: 0x55n }]);
    expect(frame).toMatchObject({ rax: ALL_ONES, rbx: 0x5ec2e7n, rip: AT + 3n });
  });

  it.each([
    ['VMGEXIT for VMMCALL', [0xf3, 0x0f, 0x01, 0xd9], Exit.VMMCALL],
    ['WBNOINVD for WBINVD', [0xf3, 0x0f, 0x09], Exit.WBINVD],
    ['DR6 for DR7', [0x0f, 0x21, 0xf0], Exit.DR7_READ],
    ['MONITORX for MONITOR', [0x0f, 0x01, 0xfa], Exit.MONITOR],
    ['RDTSC for RDTSCP', [0x0f, 0x31], Exit.RDTSCP],
    ['OUTS for MSR', [0x6e], Exit.MSR],
    ['a row of prefixes', [0x66, 0x66, 0x66, 0x66, 0x6e], Exit.IOIO],
    ['REP OUT', [0xf3, 0xee], Exit.IOIO],
  ])('one instruction at the site of another ends the guest: %s', (_, instruction, code) => {
    const { end, calls } = served(instruction, code, {});
    expect(end).toEqual(panicked('VC_AT_WRONG_SITE'));
    expect(calls).toEqual([]);
  });
});

describe('#VC of a string', () => {
  const fill = (text: string) => (machine: BareMachine) =>
    machine.memory.page(BigInt(STRING)).set(Buffer.from(text));

  it.each([
    ['outsb', [0x6e], 1n, 0x10, 'a'],
    ['outsw', [0x66, 0x6f], 1n, 0x20, 'ab'],
    ['outsd', [0x6f], 1n, 0x40, 'abcd'],
    ['rep outsb', [0xf3, 0x6e], 3n, 0x18, 'abc'],
    ['rep outsw', [0xf3, 0x66, 0x6f], 3n, 0x28, 'abcdef'],
    ['rep outsd', [0x66, 0xf3, 0x6f], 2n, 0x28, 'abcd'],
    ['rep outsd', [0xf3, 0x6f], 2n, 0x48, 'abcdefgh'],
  ] as const)('`%s` sends what RSI points at', (_, bytes, count, size, sent) => {
    let seen = '';
    const rep = (size & 8) !== 0;
    const { frame, calls } = served(
      bytes,
      Exit.IOIO,
      { rsi: BigInt(STRING), rcx: count, rdx: 0x1_03f8n, rflags: 2n },
      ({ buffer, info1, info2 }) => {
        if (info1 & 4n) seen = Buffer.from(buffer.subarray(0, 8)).toString().slice(0, sent.length);
        if (info1 & 4n) expect(info2).toBe(count);
      },
      fill('abcdefghijkl'),
    );
    expect(seen).toBe(sent);
    expect(calls).toMatchObject([{ info1: 0x03f8_0000n | 0x0c04n | 0x200n | BigInt(size) }]);
    expect(frame).toMatchObject({
      rsi: BigInt(STRING + sent.length),
      rcx: rep ? 0n : count,
      rip: AT + BigInt(bytes.length),
    });
  });

  it.each([
    ['insb', [0x6c], 1n, 2n, 'X'],
    ['rep insb', [0xf3, 0x6c], 3n, 2n, 'XYZ'],
    ['rep insw', [0xf3, 0x66, 0x6d], 2n, 2n, 'XYZ!'],
    ['rep insd', [0xf3, 0x6d], 2n, 2n, 'XYZ!0123'],
  ] as const)('`%s` stores where RDI points', (_, bytes, count, rflags, received) => {
    const { frame, text } = served(
      bytes,
      Exit.IOIO,
      { rdi: BigInt(STRING), rcx: count, rdx: 0x60n, rflags },
      ({ buffer }) => buffer.set(Buffer.from('XYZ!01234567')),
      fill('----------------'),
    );
    expect(text).toBe(received.padEnd(16, '-'));
    expect(frame).toMatchObject({ rdi: BigInt(STRING + received.length) });
  });

  it('goes down where the direction flag says so', () => {
    const { frame, text } = served(
      [0xf3, 0x66, 0x6d],
      Exit.IOIO,
      { rdi: BigInt(STRING + 4), rcx: 3n, rdx: 0x60n, rflags: 0x402n },
      ({ buffer }) => buffer.set(Buffer.from('ABCDEF')),
      fill('----------------'),
    );
    expect(text).toBe('EFCDAB'.padEnd(16, '-'));
    expect(frame).toMatchObject({ rdi: BigInt(STRING - 2), rcx: 0n, rip: AT + 3n });
  });

  it('moves as much as the buffer holds, and raises #VC again for the rest', () => {
    const registers = { rsi: BigInt(STRING), rcx: 600n, rdx: 0x80n, rflags: 2n };
    const { frame, calls } = served([0xf3, 0x6f], Exit.IOIO, registers);
    expect(calls).toMatchObject([{ info2: 508n }]);
    expect(frame).toMatchObject({ rsi: BigInt(STRING + 2032), rcx: 92n, rip: AT });
  });

  it('of no length asks for nothing', () => {
    const { frame, calls } = served([0xf3, 0x6e], Exit.IOIO, { rcx: 0n, rdx: 0x80n });
    expect(calls).toEqual([]);
    expect(frame?.rip).toBe(AT + 2n);
  });
});

describe('#VC of CPUID under SNP', () => {
  /** What leaf and subleaf read as with `entries` in the page. */
  const read = (
    entries: readonly Record<string, number>[],
    leaf: number,
    subleaf: number,
    control: { cr4?: bigint; xcr0?: bigint } = {},
  ) => {
    let frame: View<typeof TrapFrame> | undefined;
    const code = Exit.CPUID;
    const prepare = (machine: BareMachine) => {
      const page = machine.view(CpuidPage, PLACES.cpuid);
      for (const entry of entries) Object.assign(page.functions[page.count++] ?? {}, entry);
    };
    const site = { mode: 'snp', instruction: [0x0f, 0xa2], code, prepare } as const;
    withSite(module, site, (machine) => {
      Object.assign(machine, control);
      const registers = { rax: BigInt(leaf), rcx: BigInt(subleaf) };
      frame = machine.trap(VC, at({ error: BigInt(code), ...registers }));
    });
    return frame;
  };

  const AREA = [
    { eaxIn: 0xd, ecxIn: 0, eax: 7, ebx: 0x9999, ecx: 0x340 },
    { eaxIn: 0xd, ecxIn: 1, eax: 0xf, ebx: 0x9999 },
    { eaxIn: 0xd, ecxIn: 2, eax: 0x100, ebx: 0x240 },
    { eaxIn: 0xd, ecxIn: 9, eax: 8, ebx: 0x980, ecx: 2 },
  ];

  it.each([
    ['without XSAVE', 0n, 0, 0x240n],
    ['with AVX', 7n, 0, 0x340n],
    ['with AVX and PKRU', 0x207n, 0, 0x988n],
    ['compacted, with AVX and PKRU', 0x207n, 1, 0x348n],
  ])('tells the size of the XSAVE area itself: %s', (_, xcr0, subleaf, size) => {
    const cr4 = xcr0 === 0n ? 0x6a0n : 0x4_06a0n;
    expect(read(AREA, 0xd, subleaf, { cr4, xcr0 })).toMatchObject({ rbx: size });
  });

  it('tells the subleaves of leaf 8000_0024h apart', () => {
    const leaves = [0, 1].map((ecxIn) => ({ eaxIn: 0x8000_0024, ecxIn, eax: 0x10 + ecxIn }));
    expect(read(leaves, 0x8000_0024, 1)?.rax).toBe(0x11n);
  });

  it('tells whether XSAVE and protection keys are on from CR4', () => {
    const leaves = [{ eaxIn: 7, ecx: Cpuid.ECX_OSPKE }];
    const on = { cr4: 0x44_06a0n };
    const off = read(leaves, 1, 0)?.rcx ?? 0n;
    expect(off & BigInt(Cpuid.ECX_OSXSAVE)).toBe(0n);
    expect(read(leaves, 1, 0, on)?.rcx).toBe(off | BigInt(Cpuid.ECX_OSXSAVE));
    expect(read(leaves, 7, 0, on)?.rcx).toBe(BigInt(Cpuid.ECX_OSPKE));
    expect(read(leaves, 7, 0)?.rcx).toBe(0n);
  });

  it('tells the one vCPU’s APIC id, whatever the page has', () => {
    const leaves = [
      { eaxIn: 0xb, ecxIn: 0, edx: 77 },
      { eaxIn: 0x8000_001e, eax: 77, ebx: 3 },
    ];
    expect(read(leaves, 0xb, 0)?.rdx).toBe(0n);
    expect(read(leaves, 0x8000_001e, 0)).toMatchObject({ rax: 0n, rbx: 3n });
  });
});

describe('#VC of CPUID under SEV-ES', () => {
  const has = (valid: bigint, bit: number) => (valid & (1n << BigInt(bit))) !== 0n;

  it.each([
    [0, false],
    [1, true],
  ])('sends XCR0 with leaf Dh, subleaf %i, and XSS: %s', (subleaf, withXss) => {
    const sent: boolean[] = [];
    const hypervisor = answering(Exit.CPUID, (call) =>
      give(call, { rax: 0n, rbx: 0n, rcx: 0n, rdx: 0n }),
    );
    const { page } = hypervisor;
    hypervisor.page = (gpa, machine) => {
      const { swExitCode, validLow, validHigh } = view(Ghcb, machine.memory.page(gpa));
      const valid = (validHigh << 64n) | validLow;
      if (swExitCode === BigInt(Exit.CPUID))
        sent.push(has(valid, Protocol.VALID_XCR0), has(valid, Protocol.VALID_XSS));
      page.call(hypervisor, gpa, machine);
    };
    const site = {
      mode: 'sev-es',
      instruction: [0x0f, 0xa2],
      code: Exit.CPUID,
      hypervisor,
    } as const;
    withSite(module, site, (machine) => {
      sent.length = 0;
      const registers = { rax: 0xdn, rcx: BigInt(subleaf) };
      machine.trap(VC, at({ error: BigInt(Exit.CPUID), ...registers }));
    });
    expect(sent).toEqual([true, withXss]);
  });
});

describe('#VC in the middle of a request', () => {
  it('finds the GHCB as it left it, and the MSR', () => {
    const bytes: string[] = [];
    const instruction = [0x0f, 0x01, 0xd9];
    let nested = 0;
    const hypervisor = answering(Exit.VMMCALL, (call) => {
      call.buffer.fill(0x5a);
      give(call, { rax: 3n });
    });
    const { port } = hypervisor;
    hypervisor.port = (call, machine) => {
      if (call.info1 & 4n && machine.console !== '' && nested++ === 0) {
        // Between two stores of a request that the kernel composes is where a handler would be.
        const before = Buffer.from(machine.memory.page(machine.hypervisor.registered[0] ?? 0n));
        machine.trap(VC, at({ error: BigInt(Exit.VMMCALL) }));
        const after = Buffer.from(machine.memory.page(machine.hypervisor.registered[0] ?? 0n));
        bytes.push(before.toString('hex'), after.toString('hex'));
      }
      port.call(hypervisor, call, machine);
    };
    const site = { mode: 'snp', instruction, code: Exit.VMMCALL, hypervisor } as const;
    const { end } = withSite(module, site, (machine) => {
      machine.trap(VC, at({ error: BigInt(Exit.VMMCALL), rax: 1n }));
      machine.kernel.wasi_fd_write?.(1, 1, 0, 1, 8);
    });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(bytes[0]).toBe(bytes[1]);
  });
});
