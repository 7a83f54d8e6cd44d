import { beforeAll, describe, expect, it } from 'vitest';
import { BootRecord } from '../spec/abi/handoff.ts';
import * as Platform from '../spec/abi/platform.ts';
import * as Termination from '../spec/abi/termination.ts';
import * as Cpu from '../spec/cpu.ts';
import * as Cpuid from '../spec/cpuid.ts';
import * as GhcbMsr from '../spec/ghcb-msr.ts';
import { type View, view } from '../spec/layout.ts';
import { type CpuidFunction, CpuidPage } from '../spec/layouts/cpuid-page.ts';
import { testImage } from '../test/boot-kernel.ts';
import { random as randomNumbers } from '../test/random.ts';
import { decode } from '../tools/compiler/x86/decode.ts';
import { EXIT_LIMIT } from '../tools/emulator/core.ts';
import type { Machine } from '../tools/emulator/machine.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { finish, prepare } from '../tools/emulator/run.ts';
import { writeElf } from '../tools/image/elf.ts';
import { writeIgvm } from '../tools/image/igvm.ts';
import {
  CPUID_PAGE,
  ENVIRONMENT_PAGE,
  MEMORY_MAP_PAGE,
  PAGE_SIZE,
  SECRETS_PAGE,
  SHIM,
  TOP,
  VP_COUNT_OFFSET,
} from './memory-map.ts';

const image = testImage();
const elf = writeElf(image.regions, image.pvhEntry);
const igvm = writeIgvm({
  pages: image.regions.flatMap(({ gpa, size, bytes }) =>
    Array.from({ length: size / PAGE_SIZE }, (_, n) => {
      const page = new Uint8Array(PAGE_SIZE);
      page.set(bytes.subarray(n * PAGE_SIZE, (n + 1) * PAGE_SIZE));
      return { gpa: gpa + n * PAGE_SIZE, bytes: page };
    }),
  ),
  entry: image.igvmEntry,
  cpuidPage: CPUID_PAGE,
  secretsPage: SECRETS_PAGE,
  memoryMapPage: MEMORY_MAP_PAGE,
  environmentPage: ENVIRONMENT_PAGE,
  vpCountOffset: VP_COUNT_OFFSET,
  sevFeatures: 1n,
});

const LEVELS: Record<Mode, number> = {
  none: Platform.PLATFORM_NONE,
  sev: Platform.PLATFORM_SEV,
  'sev-es': Platform.PLATFORM_SEV_ES,
  snp: Platform.PLATFORM_SNP,
};
/** SEV_STATUS of each mode, its three levels. */
const STATUS: Record<Mode, bigint> = { none: 0n, sev: 1n, 'sev-es': 3n, snp: 7n };
const ENCRYPTED = ['sev', 'sev-es', 'snp'] as const;

/** Far more than the shim and the test kernel take. */
const LIMIT = 3_000_000;

function machineFor(mode: Mode): Machine {
  return mode === 'snp' ? prepare(igvm, 'test.igvm', { mode }) : prepare(elf, 'test.elf', { mode });
}

/** The boot record as the guest sees it, under its own key. */
function recordOf(machine: Machine): View<typeof BootRecord> {
  const gpa = (image.symbols.get('image.record') ?? 0n) - TOP;
  const spa = machine.memory.spa(gpa) ?? expect.fail('the record is in no memory');
  const key = machine.mode === 'none' ? 0 : machine.asid;
  return view(BootRecord, machine.core.read(spa, BootRecord.size, key).slice());
}

describe.each([
  ['none', elf, 'ELF'],
  ['sev', elf, 'ELF'],
  ['sev-es', elf, 'ELF'],
  ['none', igvm, 'IGVM'],
  ['sev', igvm, 'IGVM'],
  ['sev-es', igvm, 'IGVM'],
  ['snp', igvm, 'IGVM'],
] as const)('under %s, from an image file', (mode, file, kind) => {
  let machine: Machine;
  beforeAll(() => {
    machine = prepare(file, `test.${kind.toLowerCase()}`, { mode });
  });

  it(`(${kind}) the kernel is entered with what the shim found out`, () => {
    const { termination } = finish(machine, LIMIT);
    // Where it can talk, the test kernel leaves by the exit port; else it halts.
    const talks = mode === 'none' || mode === 'sev';
    expect(termination.kind).toBe(talks ? 'exit' : 'idle');
    const record = recordOf(machine);
    expect(record.platform).toBe(LEVELS[mode]);
    expect(record.entry).toBe(kind === 'ELF' ? Platform.ENTRY_PVH : Platform.ENTRY_IGVM);
    expect(record.startInfo !== 0).toBe(kind === 'ELF');
    expect(record.sevStatus & 7n).toBe(STATUS[mode]);
    expect(record.cBit).toBe(mode === 'none' ? 0 : machine.core.control.cBit);
    expect(record.cpuidMax).toBeGreaterThanOrEqual(7);
  });
});

/** Runs until the guest is about to execute the first instruction `mnemonic` of the shim. */
function runTo(machine: Machine, mnemonic: string): void {
  const shim = image.regions[0]?.bytes ?? new Uint8Array();
  const isThere = () => {
    const offset = Number(machine.core.state.rip) - SHIM;
    return decode(shim, offset, 32)?.instruction.mnemonic === mnemonic;
  };
  for (let n = 0; n < 1000 && !isThere(); n++) {
    const exit = machine.vcpu.run(1);
    if (exit.code !== EXIT_LIMIT) machine.hypervisor.answer(exit);
  }
  expect(isThere()).toBe(true);
}

function panicOf(machine: Machine): number | string {
  const { termination } = finish(machine, LIMIT);
  if (termination.kind !== 'panic') return termination.kind;
  return (termination.set << 8) | termination.reason;
}

describe('a host that hides the encryption, by #GP in place of SEV_STATUS', () => {
  it.each([
    ['sev', Termination.PLATFORM_CONTRADICTION], // what was written reads back as ciphertext
    ['sev-es', Termination.VC_WITHOUT_ES], // CPUID raised #VC
    ['snp', Termination.VC_WITHOUT_ES],
  ] as const)('under %s is found out before the kernel starts', (mode, reason) => {
    const machine = machineFor(mode);
    runTo(machine, 'rdmsr');
    machine.vcpu.injectException(Cpu.VECTOR_GP, 0);
    expect(panicOf(machine)).toBe(reason);
  });
});

describe('a host that lies about the place of the C-bit', () => {
  it.each([
    [10, Termination.C_BIT_WRONG],
    [52, Termination.C_BIT_WRONG],
  ])('is refused under sev for bit %i, which cannot be one', (bit, reason) => {
    const machine = machineFor('sev');
    const { answers } = machine.hypervisor;
    const honest = answers.cpuid;
    answers.cpuid = (host, leaf, subleaf) => {
      const answer = honest(host, leaf, subleaf);
      return leaf === Cpuid.LEAF_ENCRYPTED_MEMORY ? { ...answer, ebx: bit } : answer;
    };
    expect(panicOf(machine)).toBe(reason);
  });

  it.each([
    [10, Termination.C_BIT_WRONG],
    [60, Termination.C_BIT_WRONG],
  ])('is refused under sev-es for bit %i, which cannot be one', (bit, reason) => {
    const machine = machineFor('sev-es');
    machine.hypervisor.answers.requests.set(
      GhcbMsr.SEV_INFO_REQUEST,
      () => 0x0002_0001_0000_0001n | (BigInt(bit) << 24n),
    );
    expect(panicOf(machine)).toBe(reason);
  });

  it.each(['sev', 'sev-es'] as const)(
    'gets no kernel to run under %s for a bit that could be one',
    (mode) => {
      const machine = machineFor(mode);
      const { answers } = machine.hypervisor;
      const honest = answers.cpuid;
      answers.cpuid = (host, leaf, subleaf) => {
        const answer = honest(host, leaf, subleaf);
        return leaf === Cpuid.LEAF_ENCRYPTED_MEMORY ? { ...answer, ebx: 46 } : answer;
      };
      answers.requests.set(GhcbMsr.SEV_INFO_REQUEST, () => 0x0002_0001_0000_0001n | (46n << 24n));
      expect(['exit', 'idle']).not.toContain(panicOf(machine));
      expect(machine.console.lines).toEqual([]);
    },
  );
});

describe('a host that lies about the C-bit and maps the address that this makes to the same memory', () => {
  // The lie, and RAM that reaches beyond it, so that the nested table has room for the alias.
  const BIT = 32;
  const MEMORY = 0xb000_0000;
  const PAGES = 0x200;

  it('gets no plaintext: what is read there is ciphertext, and the guest ends', () => {
    const machine = prepare(elf, 'test.elf', { mode: 'sev', memory: MEMORY });
    const { answers } = machine.hypervisor;
    const honest = answers.cpuid;
    answers.cpuid = (host, leaf, subleaf) => {
      const answer = honest(host, leaf, subleaf);
      return leaf === Cpuid.LEAF_ENCRYPTED_MEMORY ? { ...answer, ebx: BIT } : answer;
    };
    machine.core.npt.map(2 ** BIT / PAGE_SIZE, 0, PAGES);
    expect(panicOf(machine)).toBe(Termination.C_BIT_WRONG);
    expect(machine.core.instructions).toBeGreaterThan(1000);
  });
});

/** The pages that hold the guest's own, as the AMD-SP or the guest itself would have filled them. */
function rewrite(machine: Machine, gpa: number, change: (bytes: Uint8Array) => void): void {
  const spa = machine.memory.spa(BigInt(gpa)) ?? expect.fail('no memory there');
  const bytes = machine.core.read(spa, PAGE_SIZE, machine.asid).slice();
  change(bytes);
  machine.core.write(spa, bytes, machine.asid);
}

function functionOf(bytes: Uint8Array, leaf: number): View<typeof CpuidFunction> {
  const { count, functions } = view(CpuidPage, bytes);
  const found = functions.slice(0, count).find(({ eaxIn }) => eaxIn === leaf);
  return (found as View<typeof CpuidFunction>) ?? expect.fail(`no leaf ${leaf}`);
}

describe('a CPUID page', () => {
  const changes: [string, (bytes: Uint8Array) => void, number][] = [
    [
      'with more functions than fit',
      (bytes) => {
        view(CpuidPage, bytes).count = 65;
      },
      Termination.CPUID_PAGE_BAD,
    ],
    [
      'without functions',
      (bytes) => {
        view(CpuidPage, bytes).count = 0;
      },
      Termination.PLATFORM_CONTRADICTION,
    ],
    [
      'of a CPU without SNP',
      (bytes) => {
        functionOf(bytes, Cpuid.LEAF_ENCRYPTED_MEMORY).eax &= ~Cpuid.EAX_SNP;
      },
      Termination.PLATFORM_CONTRADICTION,
    ],
    [
      'with a C-bit that cannot be one',
      (bytes) => {
        functionOf(bytes, Cpuid.LEAF_ENCRYPTED_MEMORY).ebx = 12;
      },
      Termination.C_BIT_WRONG,
    ],
    [
      'of a CPU without SSE2',
      (bytes) => {
        functionOf(bytes, Cpuid.LEAF_FEATURES).edx &= ~Cpuid.EDX_SSE2;
      },
      Termination.CPU_FEATURE_MISSING,
    ],
    [
      'of a CPU whose extended leaves end early',
      (bytes) => {
        functionOf(bytes, Cpuid.LEAF_EXTENDED).eax = Cpuid.LEAF_EXTENDED;
      },
      Termination.CPU_FEATURE_MISSING,
    ],
  ];
  it.each(changes)('%s ends the guest', (_, change, reason) => {
    const machine = machineFor('snp');
    rewrite(machine, CPUID_PAGE, change);
    expect(panicOf(machine)).toBe(reason);
  });
});

it('a CPU without SSE2 ends a guest that asks the GHCB MSR, or the instruction', () => {
  for (const mode of ['sev', 'sev-es'] as const) {
    const machine = machineFor(mode);
    const { answers } = machine.hypervisor;
    const honest = answers.cpuid;
    answers.cpuid = (host, leaf, subleaf) => {
      const answer = honest(host, leaf, subleaf);
      const hidden = leaf === Cpuid.LEAF_FEATURES ? Cpuid.EDX_SSE2 : 0;
      return { ...answer, edx: (answer.edx & ~hidden) >>> 0 };
    };
    expect(panicOf(machine)).toBe(Termination.CPU_FEATURE_MISSING);
  }
});

it('nothing but what the entry promises is relied on', () => {
  const random = randomNumbers();
  for (let n = 0; n < 20; n++) {
    const machine = machineFor('none');
    const { state } = machine.core;
    const word = () => BigInt(random());
    for (const name of ['rax', 'rcx', 'rdx', 'rsp', 'rbp', 'rsi', 'rdi'] as const) {
      state[name] = word();
    }
    state.rflags =
      (word() & BigInt(Cpu.RFLAGS_DF | Cpu.RFLAGS_AC | Cpu.RFLAGS_NT | Cpu.RFLAGS_ID | 0x8d5)) | 2n;
    for (const segment of [state.gdtr, state.idtr, state.ldtr]) {
      segment.base = word();
      segment.limit = random() & 0xffff;
    }
    for (const segment of [state.cs, state.ds, state.es, state.ss, state.fs, state.gs]) {
      segment.selector = random() & 0xfff8;
    }
    state.mxcsr = 0x9fc0;
    state.x87Control = 0;
    expect(finish(machine, LIMIT).termination.kind, random.seed).toBe('exit');
    expect(recordOf(machine).platform).toBe(Platform.PLATFORM_NONE);
    expect(machine.console.lines.length).toBeGreaterThan(0);
  }
});

describe('answers that are none', () => {
  it('another code than was asked for ends a guest under sev-es', () => {
    const machine = machineFor('sev-es');
    machine.hypervisor.answers.requests.set(GhcbMsr.CPUID_REQUEST, () => undefined);
    expect(panicOf(machine)).toBe(Termination.GHCB_MSR_ANSWER);
  });

  it.each([
    [2n, Termination.PLATFORM_CONTRADICTION], // SEV-ES without SEV
    [5n, Termination.PLATFORM_CONTRADICTION], // SNP without SEV-ES
    [9n, Termination.FEATURE_REFUSED], // vTOM
  ])('SEV_STATUS %i ends the guest', (status, reason) => {
    const machine = machineFor('sev');
    machine.core.state.sevStatus = status;
    expect(panicOf(machine)).toBe(reason);
  });

  it.each(ENCRYPTED)('no random number ends a guest under %s', (mode) => {
    const machine = machineFor(mode);
    machine.core.control.randomReady = 0;
    expect(panicOf(machine)).toBe(Termination.NO_RANDOM);
  });
});
