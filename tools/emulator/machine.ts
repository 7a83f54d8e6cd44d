/**
 * A machine as data: processor, memory, devices by port and address, hypervisor, AMD-SP. Making one
 * takes about a millisecond; there may be hundreds in a process, and they share nothing.
 */

import { EXIT_PORT } from '../../spec/abi/platform.ts';
import { COM1 } from '../../spec/uart.ts';
import { type Check, Checks } from './checks.ts';
import { type Core, createCore, type MmioBus } from './core.ts';
import { C_BIT, MIN_SEV_ASID } from './cpuid/model.ts';
import { absentPart, ResetControl } from './devices/absent.ts';
import { Console } from './devices/console.ts';
import { DebugExit } from './devices/debug-exit.ts';
import { Iommu } from './devices/iommu.ts';
import { PortBus } from './devices/port-bus.ts';
import { Uart16550 } from './devices/uart.ts';
import { APIC_PAGE, LocalApic } from './hypervisor/apic.ts';
import { Clock } from './hypervisor/clock.ts';
import { GuestMemory, planMemory } from './hypervisor/guest-memory.ts';
import { HOSTS, type HostName } from './hypervisor/host-profile.ts';
import { Hypervisor, type Trace } from './hypervisor/hypervisor.ts';
import { Interrupts } from './hypervisor/interrupts.ts';
import { PageStates } from './hypervisor/page-states.ts';
import type { Mode } from './mode.ts';
import { chipKeys } from './psp/chip.ts';
import { Psp } from './psp/psp.ts';
import { Random } from './random.ts';
import { resetMachine } from './reset.ts';
import { Statistics } from './statistics.ts';
import { Vcpu } from './vcpu/vcpu.ts';

export interface MachineOptions {
  readonly mode: Mode;
  readonly host?: HostName;
  /** Bytes of guest RAM, a multiple of 2 MiB. */
  readonly memory?: number;
  /** What all random numbers follow from. */
  readonly seed?: bigint;
  /** Takes each byte that the guest sends to its console. */
  readonly console?: (byte: number) => void;
  readonly trace?: Trace;
  /** Whether the machine starts again when the guest asks for it; else the run ends. */
  readonly reset?: boolean;
  /** The memory controller's tweak: made with a key, or as on Zen 1, where the address alone makes it. */
  readonly tweak?: 'keyed' | 'linear';
  /** Checks of the architecture's that the machine goes without, as a control. */
  readonly without?: readonly Check[];
  /** SEV_FEATURES bits that an SNP guest gets beside those that its host has for all. */
  readonly features?: bigint;
  /** Sees each #VC that an instruction raises, with its exit code. */
  readonly onVc?: (rip: bigint, code: number) => void;
  /** Sees each PVALIDATE that succeeds. */
  readonly onPvalidate?: (
    gpa: bigint,
    huge: boolean,
    validate: boolean,
    unchanged: boolean,
  ) => void;
}

export interface Machine {
  readonly mode: Mode;
  readonly asid: number;
  readonly core: Core;
  readonly memory: GuestMemory;
  readonly pages: PageStates;
  readonly vcpu: Vcpu;
  readonly ports: PortBus;
  readonly console: Console;
  readonly hypervisor: Hypervisor;
  readonly psp: Psp;
  readonly checks: Checks;
  readonly statistics: Statistics;
  readonly iommu: Iommu;
  /** System frames of the VMSAs that were launched, the boot processor's first. */
  readonly vmsaFrames: number[];
  /** What a script has to say about the launch. */
  readonly hooks: LaunchHooks;
  /** Digest of what was launched, once it was; undefined where nothing measures it. */
  launchDigest: Uint8Array | undefined;
  /** Launches once more what was launched; undefined while nothing was. */
  launch: (() => void) | undefined;
  /** Copies all of the machine's state; {@link restore} puts it there again, as often as wanted. */
  snapshot(): Snapshot;
  restore(snapshot: Snapshot): void;
}

/** The state of a machine at one time. */
export interface Snapshot {
  readonly parts: readonly (() => void)[];
}

/** A page of a launch. */
export interface LaunchedPage {
  readonly gfn: number;
  readonly data: Uint8Array;
  /** PAGE_TYPE for an SNP launch; 'shared' pages are no part of a launch. */
  readonly type: number | 'shared';
}

/** A LAUNCH_UPDATE_DATA: sixteen bytes of memory and more. SEV §6.3. */
export interface DataUpdate {
  readonly gpa: number;
  readonly data: Uint8Array;
}

/** Changes to what is launched from an IGVM file, where somebody makes any. */
export interface LaunchHooks {
  pages?: (pages: readonly LaunchedPage[]) => readonly LaunchedPage[];
  /** The first state of the vCPU: a VMSA, as the host made it. */
  vmsa?: (page: Uint8Array) => Uint8Array;
  /** VMSAs of vCPUs beside the first, which the host could run too. */
  vcpus?: (first: Uint8Array) => readonly Uint8Array[];
  /** Once everything is launched, before LAUNCH_FINISH. */
  launched?: () => void;
  /** What is encrypted before SNP, command by command. */
  updates?: (updates: readonly DataUpdate[]) => readonly DataUpdate[];
}

export const DEFAULT_MEMORY = 64 * 1024 * 1024;
const RESET_CONTROL = 0xcf9;

/** The APIC's page; elsewhere no device answers: reads give all ones, writes are lost. */
function mmioBus(apic: LocalApic, interrupts: Interrupts): MmioBus {
  const isApic = (gpa: bigint) => gpa >= APIC_PAGE && gpa < APIC_PAGE + 0x1000n;
  return {
    read: (gpa, size) =>
      isApic(gpa) && size === 4
        ? BigInt(interrupts.withPriority(() => apic.readPage(Number(gpa - APIC_PAGE))))
        : (1n << BigInt(8 * size)) - 1n,
    write: (gpa, size, value) => {
      if (!isApic(gpa) || size !== 4) return;
      const low = Number(value & 0xffff_ffffn);
      interrupts.withPriority(() => apic.writePage(Number(gpa - APIC_PAGE), low));
    },
  };
}

/** A machine with nothing loaded. */
export function createMachine(options: MachineOptions): Machine {
  const { mode, seed = 0n } = options;
  const plan = planMemory(options.memory ?? DEFAULT_MEMORY);
  const statistics = new Statistics();
  const core = createCore({
    systemFrames: plan.systemFrames,
    gpaFrames: plan.gpaFrames,
    seed: new DataView(new Random(seed, 'processor').bytes(8).buffer).getBigUint64(0),
    mmio: {
      read: (gpa, size) => {
        hypervisor.note('NPF', gpa);
        return mmio.read(gpa, size);
      },
      write: (gpa, size, value) => {
        hypervisor.note('NPF', gpa, value);
        mmio.write(gpa, size, value);
      },
    },
    observer: {
      vc: (rip, code) => {
        statistics.countVc(rip);
        options.onVc?.(rip, code);
      },
      access: (gpa, size, write) => hypervisor.onAccess?.(gpa, size, write),
      pvalidate: (gpa, huge, validate, unchanged) => {
        statistics.countPvalidate(huge, validate);
        options.onPvalidate?.(gpa, huge, validate, unchanged);
      },
    },
  });
  core.control.cBit = C_BIT;
  core.control.linearTweak = options.tweak === 'linear' ? 1 : 0;
  const checks = new Checks(core);
  for (const check of options.without ?? []) checks.lift(check);
  const memory = new GuestMemory(core, plan, checks);
  const asid = mode === 'sev' ? MIN_SEV_ASID : 1;
  const psp = new Psp(core, new Random(seed, 'AMD-SP'), checks, (frame) => memory.bring(frame));
  const vcpu = new Vcpu(core, mode, asid, checks, (used) => psp.runs(used));
  const pages = new PageStates(core, memory, asid, (frame) => vcpu.uses(frame));
  const { trace } = options;
  const ports = new PortBus(
    trace && ((port) => trace(`port 0x${port.toString(16)}: there is no ${absentPart(port)}`)),
  );
  const profile = HOSTS[options.host ?? 'kvm'];
  const clock = new Clock(core);
  const apic = new LocalApic(clock, {
    nmi: () => interrupts.raiseNmi(),
    init: () => hypervisor.init(),
  });
  const features = options.features ?? 0n;
  const restricted = mode === 'snp' && profile.restrictedInjection;
  const interrupts = new Interrupts({ vcpu, apic, clock, memory, restricted });
  const mmio = mmioBus(apic, interrupts);
  const parts = { mode, core, vcpu, memory, pages, ports, mmio, clock, apic, interrupts };
  const certificates = () => chipKeys().certificates;
  const hypervisor = new Hypervisor({
    ...parts,
    psp,
    certificates,
    statistics,
    profile,
    features,
    trace,
  });
  const console = new Console((byte) => options.console?.(byte), {
    instructions: () => core.instructions,
    statistics,
  });
  const end = hypervisor.end.bind(hypervisor);
  ports.add(COM1, 8, new Uart16550((byte) => console.put(byte)));
  ports.add(EXIT_PORT, 4, new DebugExit(end));
  ports.add(RESET_CONTROL, 1, new ResetControl(() => hypervisor.requestReset()));
  const machine = { mode, asid, core, memory, pages, vcpu, ports, console, hypervisor, psp };
  const whole: Machine = {
    ...machine,
    checks,
    iommu: new Iommu(memory, core.frames, checks),
    vmsaFrames: [],
    statistics,
    hooks: {},
    launchDigest: undefined,
    launch: undefined,
    snapshot: () => snapshotOf(whole),
    restore: (snapshot) => {
      for (const restore of snapshot.parts) restore();
    },
  };
  if (options.reset !== false) hypervisor.onReset = () => resetMachine(whole);
  return whole;
}

function snapshotOf(machine: Machine): Snapshot {
  const { core, memory, pages, vcpu, ports, console, hypervisor, psp, statistics } = machine;
  const { launchDigest } = machine;
  const parts = [core, memory, pages, vcpu, ports, console, hypervisor, psp, statistics].map(
    (part) => part.snapshot(),
  );
  const digest = () => {
    machine.launchDigest = launchDigest;
  };
  return { parts: [...parts, digest] };
}
