import { describe, expect, it } from 'vitest';
import * as Injection from '../../spec/event-injection.ts';
import * as Exit from '../../spec/exit.ts';
import * as Launch from '../../spec/launch.ts';
import { bootGuest, FREE_GPA, type GuestCode, guestImage, SHARED_VIEW } from '../../test/guest.ts';
import { R8, RBX } from '../compiler/x86/operand.ts';
import type { Check } from './checks.ts';
import { encodeEvent, HostileHost, type HostileScript } from './hostile.ts';
import { rmpUpdate } from './hypervisor/rmp.ts';
import { launchIgvm } from './launch/igvm.ts';
import { createMachine, type LaunchedPage, type Machine, type MachineOptions } from './machine.ts';

const PAGE = 4096;
const CANARY = 0x5eed_cafe_f00d_d00dn;
const OTHER = FREE_GPA + PAGE;
const hypervisorPage = { assigned: false, huge: false, immutable: false, asid: 0, gfn: 0 };

type Attack = (without: readonly Check[]) => boolean;

function boot(
  without: readonly Check[],
  build: (guest: GuestCode) => void,
  options: Partial<MachineOptions> = {},
) {
  return bootGuest({ mode: 'snp', memory: 8 << 20, without, ...options }, build);
}

/** Runs to the guest's HLT in the middle, lets the host act, and says whether RBX has `wanted`. */
function meddle(machine: Machine, act: (host: HostileHost) => void, wanted: bigint): boolean {
  for (;;) {
    const exit = machine.vcpu.run(10_000);
    if (exit.code === Exit.HLT) break;
    machine.hypervisor.answer(exit);
  }
  act(new HostileHost(machine));
  machine.hypervisor.run(100_000);
  return machine.core.state.rbx === wanted;
}

/** Two private pages with the canary in the second one; then a halt, and a read of the first. */
function twoPages(guest: GuestCode): void {
  for (const gpa of [FREE_GPA, OTHER]) {
    guest.request((1n << 52n) | BigInt(gpa) | 0x014n);
    guest.pvalidate(gpa);
  }
  guest.store(FREE_GPA, 1);
  guest.store(OTHER, CANARY);
  guest.halt();
  guest.load(RBX, FREE_GPA);
}

function count(guest: GuestCode): void {
  const again = guest.asm.label();
  guest.asm.bind(again);
  guest.asm.op('inc r/m64', R8);
  guest.asm.op('jmp rel32', again);
}

/** The host writes what it read before to the same page: a replay. */
const replay: Attack = (without) => {
  const machine = boot(without, (guest) => {
    twoPages(guest);
    guest.store(FREE_GPA, 2);
    guest.halt();
    guest.load(RBX, FREE_GPA);
  });
  let old = new Uint8Array();
  const host = new HostileHost(machine);
  let halts = 0;
  host.onExit(Exit.HLT, (_exit, honest) => {
    halts++;
    if (halts === 1) old = new Uint8Array(host.readGuest(BigInt(FREE_GPA), PAGE) ?? []);
    else if (halts === 2) host.writeGuest(BigInt(FREE_GPA), old);
    else honest();
  });
  machine.hypervisor.run(100_000);
  return machine.core.state.rbx === 1n;
};

/** The host maps the first page to the second one's frame. */
const swap: Attack = (without) =>
  meddle(boot(without, twoPages), (host) => host.remap(FREE_GPA / PAGE, OTHER / PAGE), CANARY);

/** The host takes the page away; the guest reads it on. */
const takeAway: Attack = (without) =>
  meddle(boot(without, twoPages), (host) => host.rmpUpdate(FREE_GPA / PAGE, hypervisorPage), 1n);

/** The host takes the page away and gives it back: the guest never validated it again. */
const giveBack: Attack = (without) =>
  meddle(
    boot(without, twoPages),
    (host) => {
      const frame = FREE_GPA / PAGE;
      host.rmpUpdate(frame, hypervisorPage);
      host.rmpUpdate(frame, { ...hypervisorPage, assigned: true, asid: 1, gfn: frame });
    },
    1n,
  );

/** The guest writes through C=0 to a page that is its own. */
const sharedWrite: Attack = (without) => {
  const page = 0x9000;
  const machine = boot(without, (guest) => {
    guest.request((1n << 52n) | BigInt(page) | 0x014n);
    guest.pvalidate(page);
    guest.store(SHARED_VIEW + page, 7);
    guest.set(RBX, 1);
  });
  machine.hypervisor.run(100_000);
  return machine.core.state.rbx === 1n;
};

/** A vCPU of a VMPL without rights reads. */
const lowerVmpl: Attack = (without) =>
  meddle(
    boot(without, twoPages),
    (host) => {
      host.machine.core.control.vmpl = 1;
      host.machine.core.flush();
    },
    1n,
  );

const injection: Attack = (without) => {
  const machine = boot(without, count, { host: 'hv' });
  machine.vcpu.run(10);
  machine.vcpu.inject(encodeEvent({ vector: 6, type: 'exception' }));
  machine.hypervisor.run(100);
  return machine.core.state.r15 === 6n;
};

/** An old VMSA in the place of the present one. */
const oldVmsa =
  (mode: 'snp' | 'sev-es'): Attack =>
  (without) => {
    const machine = bootGuest({ mode, memory: 8 << 20, without }, count);
    const host = new HostileHost(machine);
    let old = new Uint8Array();
    host.at(5, () => {
      old = new Uint8Array(host.readVmsa());
    });
    host.at(99, () => host.replayVmsa(old));
    machine.hypervisor.run(101);
    return machine.core.state.r8 < 10n;
  };

const strangersVmsa: Attack = (without) => {
  const machine = boot(without, count);
  const frame = machine.vcpu.vmsaFrame ?? -1;
  machine.core.frames.setRmp(frame, { ...machine.core.frames.rmp(frame), asid: 2 });
  machine.hypervisor.run(50);
  return machine.core.state.r8 > 0n;
};

/** The host has a page decrypted by the AMD-SP. */
const debug: Attack = (without) => {
  const machine = boot(without, twoPages);
  meddle(machine, () => {}, 0n);
  const { hypervisor, memory, psp, core } = machine;
  const target = memory.allocateFrame();
  rmpUpdate(core.frames, target, { ...hypervisorPage, assigned: true, immutable: true });
  psp.debugDecrypt(hypervisor.guestContext ?? -1, OTHER / PAGE, target);
  return Buffer.from(memory.read(target * PAGE, 8)).readBigUint64LE() === CANARY;
};

/** Digest of a launch in which the host changed `edit`'s way what is launched. */
const launch =
  (edit: (pages: readonly LaunchedPage[]) => readonly LaunchedPage[]): Attack =>
  (without) => {
    const digest = (hostile: HostileScript) => {
      const machine = createMachine({ mode: 'snp', memory: 8 << 20, without });
      hostile(new HostileHost(machine));
      launchIgvm(machine, guestImage('snp', count));
      return Buffer.from(machine.launchDigest ?? []).toString('hex');
    };
    return digest(() => {}) === digest((host) => host.onLaunch(edit));
  };
const changed = launch((pages) =>
  pages.map((page, i) => (i === 0 ? { ...page, data: new Uint8Array(PAGE).fill(1) } : page)),
);
const elsewhere = launch((pages) =>
  pages.map((page, i) => (i === 0 ? { ...page, gfn: 0x300 } : page)),
);

/** The host gives a CPUID page with features that the processor does not have. */
const cpuidLie: Attack = (without) => {
  const machine = createMachine({ mode: 'snp', memory: 8 << 20, without });
  const page = new Uint8Array(PAGE);
  const words = new DataView(page.buffer);
  words.setUint32(0, 1, true);
  words.setUint32(0x10, 7, true);
  words.setUint32(0x10 + 0x1c, 0xffff_ffff, true);
  machine.hooks.pages = (pages) => [...pages, { gfn: 0x300, data: page, type: Launch.CPUID }];
  try {
    launchIgvm(machine, guestImage('snp', count));
    return true;
  } catch {
    return false;
  }
};

/** The host maps a page of 2 MiB where the RMP has 4 KiB ones. */
const hugeMapping: Attack = (without) =>
  meddle(
    boot(without, twoPages),
    ({ machine }) => {
      const gfn = FREE_GPA / PAGE;
      const entry = machine.core.npt.get(gfn);
      machine.core.npt.set(gfn, { ...entry, huge: true });
      // Nobody is to bring the sizes in line again.
      machine.hypervisor.answers.exits.delete(Exit.NPF);
    },
    1n,
  );

/** The host starts a guest from a VMSA that no processor takes. */
const brokenVmsa: Attack = (without) => {
  const machine = createMachine({ mode: 'snp', memory: 8 << 20, without });
  machine.hooks.vmsa = (page) => {
    const changed = page.slice();
    changed[0xd1] = (changed[0xd1] ?? 0) & ~0x10;
    return changed;
  };
  launchIgvm(machine, guestImage('snp', count));
  machine.hypervisor.run(50);
  return machine.core.state.r8 > 0n;
};

const attacks: readonly (readonly [readonly Check[], string, Attack])[] = [
  [['rmp-host-write'], 'replays a page', replay],
  [['rmp-reverse-map'], 'swaps two pages', swap],
  // RMPUPDATE leaves nothing in the entry that the guest could go by.
  [['rmp-owner', 'rmp-reverse-map', 'rmp-validated', 'rmp-vmpl'], 'takes a page away', takeAway],
  [['rmp-validated'], 'gives a page back that it took', giveBack],
  [['rmp-shared-write'], 'has the guest write through C=0 to its own page', sharedWrite],
  [['rmp-vmpl'], 'reads from a lower VMPL', lowerVmpl],
  [['event-injection'], 'injects an exception under restricted injection', injection],
  [['vmsa-checksum'], 'replays a VMSA in sev-es', oldVmsa('sev-es')],
  [['rmp-host-write'], 'replays a VMSA in snp', oldVmsa('snp')],
  [['cpuid-page'], 'promises features that there are not', cpuidLie],
  [['rmp-size'], 'maps a page in another size', hugeMapping],
  [['vmsa-state'], 'starts a guest without SVME', brokenVmsa],
  [['debug-policy'], 'has a page decrypted', debug],
  [['launch-content'], 'launches other content under the same digest', changed],
  [['launch-place'], 'launches a page elsewhere under the same digest', elsewhere],
  [['vmsa-page'], 'runs on a VMSA of another guest', strangersVmsa],
];

describe.each(attacks)('the checks %s', (checks, what, attack) => {
  it(`are what stops a host that ${what}`, () => {
    expect(attack([])).toBe(false);
    for (const check of checks) {
      const others = checks.filter((other) => other !== check);
      expect(attack(others), `without ${others}`).toBe(false);
    }
    expect(attack(checks)).toBe(true);
  });
});

it('is made of every check there is, unless it is told', () => {
  const machine = boot([], count);
  expect(machine.checks.has('rmp-owner')).toBe(true);
  expect(machine.core.control.lifted).toBe(0);
  expect(BigInt(Injection.VALID)).toBe(encodeEvent({ vector: 0 }));
});
