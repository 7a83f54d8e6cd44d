/** A small guest with a secret, in a hypervisor's hands, for the rows that the architecture decides. */
import * as Exit from '../../spec/exit.ts';
import * as Fault from '../../spec/page-fault.ts';
import { RBX } from '../../tools/compiler/x86/operand.ts';
import { HostileHost } from '../../tools/emulator/hostile.ts';
import type { HostFault } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Machine, MachineOptions } from '../../tools/emulator/machine.ts';
import { bootGuest, FREE_GPA, type GuestCode } from '../guest.ts';
import { CANARY } from './canary.ts';
import type { Outcome, Setting } from './row.ts';
import type { Surface } from './verdict.ts';

const PAGE = 4096;
/** What the guest reads again once the host has acted; the page after it holds the canary. */
export const CELL = FREE_GPA;
export const SECRET = FREE_GPA + PAGE;
/** What the guest wrote to {@link CELL}. */
export const HONEST = 0x0123_4567_89ab_cdefn;

const STEPS = 200_000;

/** Boots a guest in `setting`. */
export function boot(
  { mode, host, without }: Setting,
  build: (guest: GuestCode) => void,
  options: Partial<MachineOptions> = {},
): HostileHost {
  return new HostileHost(bootGuest({ mode, host, without, memory: 8 << 20, ...options }, build));
}

/** Has the guest accept a page, where pages must be accepted, that the launch did not bring. */
export function accept(guest: GuestCode, { mode }: Setting, gpa: number): void {
  if (mode !== 'snp') return;
  guest.request((1n << 52n) | BigInt(gpa) | 0x014n);
  guest.pvalidate(gpa);
}

/** Runs the guest to its next HLT; false if something else ends it. */
export function runToHalt({ machine }: HostileHost): boolean {
  for (;;) {
    const exit = machine.vcpu.run(STEPS);
    if (exit.code === Exit.HLT) return true;
    machine.hypervisor.answer(exit);
    if (machine.hypervisor.ended) return false;
  }
}

/** What comes of {@link attackMemory}: RBX, unless it is what the guest wrote. */
export interface Aftermath {
  readonly host: HostileHost;
  readonly machine: Machine;
  /** What the guest read, if it read something else than it wrote; undefined otherwise. */
  readonly seen: bigint | undefined;
}

/**
 * A guest writes {@link HONEST} to one page of its own and the canary to the next, halts, and reads the
 * first again; the host acts in between.
 */
export function attackMemory(
  setting: Setting,
  attack: {
    readonly act: (host: HostileHost) => HostFault | 'absent' | undefined;
    readonly won: (aftermath: Aftermath) => boolean;
  },
): Outcome {
  const host = boot(setting, (guest) => {
    for (const gpa of [CELL, SECRET]) accept(guest, setting, gpa);
    guest.store(CELL, HONEST);
    guest.store(SECRET, CANARY);
    guest.set(RBX, HONEST);
    guest.halt();
    guest.load(RBX, CELL);
  });
  if (!runToHalt(host)) throw new RangeError('the guest did not come to its halt');
  const fault = attack.act(host);
  const { surface, halted } = runOn(host);
  const { machine } = host;
  const { rbx } = machine.core.state;
  const seen = halted && rbx !== HONEST ? rbx : undefined;
  const shown = typeof fault === 'object' ? hostFault(fault) : surface;
  return { won: attack.won({ host, machine, seen }), surface: shown };
}

/** H#PF, if the fault is one of the RMP's. */
export function hostFault(fault: HostFault): Surface | undefined {
  return (fault.errorCode & Fault.RMP) !== 0 ? 'H#PF' : undefined;
}

/** Lets the guest go on to its next halt, and tells what the architecture showed on the way. */
export function runOn({ machine }: HostileHost): {
  surface?: Surface | undefined;
  halted: boolean;
} {
  for (;;) {
    const exit = machine.vcpu.run(STEPS);
    const { r15 } = machine.core.state;
    if (exit.code === Exit.HLT) {
      // The guest's own handlers leave the vector in R15, and the error code in R14.
      if (r15 === 29n && machine.core.state.r14 === BigInt(Exit.PAGE_NOT_VALIDATED)) {
        return { surface: 'VC404', halted: false };
      }
      return { surface: r15 === 13n ? '#GP' : undefined, halted: r15 === 0n };
    }
    if (exit.code === Exit.INVALID) return { surface: 'VMRUN.X', halted: false };
    if (exit.code === Exit.NPF && (exit.info1 & BigInt(Fault.RMP)) !== 0n) {
      const vmpl = (exit.info1 & BigInt(Fault.VMPL)) !== 0n;
      return { surface: vmpl ? 'NPF.VMPL' : 'NPF.R', halted: false };
    }
    machine.hypervisor.answer(exit);
    if (machine.hypervisor.ended) return { halted: false };
  }
}
