/** A small guest with a secret, in a hypervisor's hands, for the rows that the architecture decides. */
import { VECTOR_GP, VECTOR_VC } from '../../spec/cpu.ts';
import * as Exit from '../../spec/exit.ts';
import * as Fault from '../../spec/page-fault.ts';
import { RAX, RBX } from '../../tools/compiler/x86/operand.ts';
import { EXIT_LIMIT } from '../../tools/emulator/core.ts';
import type { DmaFault } from '../../tools/emulator/devices/iommu.ts';
import { HostileHost } from '../../tools/emulator/hostile.ts';
import type { HostFault } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Machine, MachineOptions } from '../../tools/emulator/machine.ts';
import { bootGuest, FREE_GPA, type GuestCode, type More } from '../guest.ts';
import { CANARY, canaryBytes, fingerprint, leaks } from './canary.ts';
import type { Outcome, Setting } from './row.ts';
import type { Surface } from './verdict.ts';

const PAGE = 4096;
/** What the guest reads again once the host has acted; the page after it holds the canary. */
export const CELL = FREE_GPA;
export const SECRET = FREE_GPA + PAGE;
/** A page that host and guest share, read and written by the guest at SHARED_VIEW + MAILBOX. */
export const MAILBOX = 0x9000;
/** What the guest wrote to {@link CELL}. */
export const HONEST = 0x0123_4567_89ab_cdefn;

const MEMORY = 8 << 20;
const STEPS = 200_000;

/** Boots a guest in `setting`. */
export function boot(
  { mode, host, without }: Setting,
  build: (guest: GuestCode) => void,
  options: Partial<MachineOptions> = {},
  more?: More,
): HostileHost {
  const machine = { mode, host, without, memory: MEMORY, ...options };
  return new HostileHost(bootGuest(machine, build, more));
}

/** Has the guest accept a page, where pages must be accepted, that the launch did not bring. */
export function accept(guest: GuestCode, { mode }: Setting, gpa: number): void {
  if (mode !== 'snp') return;
  guest.request((1n << 52n) | BigInt(gpa) | 0x014n);
  guest.pvalidate(gpa);
}

/** Runs the guest to its next halt, where it must come to. */
export function expectHalt(host: HostileHost): void {
  const { halted, surface } = runOn(host);
  if (halted) return;
  const { ended } = host.machine.hypervisor;
  throw new RangeError(`the guest did not halt: ${surface} ${JSON.stringify(ended)}`);
}

/** What comes of {@link attackMemory}. */
export interface Aftermath {
  readonly host: HostileHost;
  readonly machine: Machine;
  /** What the guest read, if it read something else than it wrote; undefined otherwise. */
  readonly seen: bigint | undefined;
  /** Whether the guest went on to its end. */
  readonly halted: boolean;
}

/** What a hypervisor does between two halts of {@link keeper}. */
export interface MemoryAttack {
  /** Gives how a write of the host's was refused, if one was. */
  readonly act: (host: HostileHost) => Surface | undefined;
  readonly won: (aftermath: Aftermath) => boolean;
  readonly options?: Partial<MachineOptions>;
}

/** A guest that writes {@link HONEST} to one page and the canary to the next, halts, and reads the first again. */
export function keeper(setting: Setting): (guest: GuestCode) => void {
  return (guest) => {
    for (const gpa of [CELL, SECRET]) accept(guest, setting, gpa);
    guest.store(CELL, HONEST);
    guest.store(SECRET, CANARY);
    guest.set(RAX, 0);
    guest.set(RBX, HONEST);
    guest.halt();
    guest.load(RBX, CELL);
  };
}

/** Has the host act while {@link keeper} is halted, and tells what came of it. */
export function attackMemory(setting: Setting, attack: MemoryAttack): Outcome {
  const host = boot(setting, keeper(setting), attack.options);
  expectHalt(host);
  const refused = attack.act(host);
  const { surface, halted } = runOn(host);
  const { machine } = host;
  const { rbx } = machine.core.state;
  const seen = halted && rbx !== HONEST ? rbx : undefined;
  const won = attack.won({ host, machine, seen, halted });
  const shown = refused ?? surface;
  if (!won && shown !== undefined && leaks(machine, canaryBytes()).length > 0) {
    throw new RangeError('the attack was denied, and the host has the canary all the same');
  }
  return { won, surface: shown };
}

/** The host's, or a device's, write; the surface if it is refused, and then nothing at all is changed. */
export function attempt(
  { machine }: HostileHost,
  write: () => HostFault | DmaFault | 'absent' | undefined,
): Surface | undefined {
  const before = fingerprint(machine);
  const fault = write();
  if (typeof fault !== 'object') return undefined;
  if (fingerprint(machine) !== before) throw new RangeError('a refused write changed something');
  return hostFault(fault);
}

/** H#PF or IOMMU, if the fault is one of the RMP's. */
function hostFault(fault: HostFault | DmaFault): Surface | undefined {
  if (fault.kind === 'rmp-page-fault') return 'IOMMU';
  return (BigInt(fault.errorCode) & BigInt(Fault.RMP)) !== 0n ? 'H#PF' : undefined;
}

/** Lets the guest go on to its next halt, and tells what the architecture showed on the way. */
export function runOn({ machine }: HostileHost): {
  readonly surface?: Surface | undefined;
  readonly halted: boolean;
} {
  for (;;) {
    const exit = machine.vcpu.run(STEPS);
    const { r14, r15 } = machine.core.state;
    if (exit.code === Exit.HLT) {
      // The guest's own handlers leave the vector in R15, and the error code in R14.
      if (r15 === 0n) return { halted: true };
      const notValidated = r15 === BigInt(VECTOR_VC) && r14 === BigInt(Exit.PAGE_NOT_VALIDATED);
      if (notValidated) return { surface: 'VC404', halted: false };
      return { surface: r15 === BigInt(VECTOR_GP) ? '#GP' : undefined, halted: false };
    }
    if (exit.code === Exit.INVALID) return { surface: 'VMRUN.X', halted: false };
    if (exit.code === EXIT_LIMIT) return { halted: false };
    if (exit.code === Exit.NPF && (exit.info1 & BigInt(Fault.RMP)) !== 0n) {
      const vmpl = (exit.info1 & BigInt(Fault.VMPL)) !== 0n;
      return { surface: vmpl ? 'NPF.VMPL' : 'NPF.R', halted: false };
    }
    machine.hypervisor.answer(exit);
    if (machine.hypervisor.ended) return { halted: false };
  }
}
