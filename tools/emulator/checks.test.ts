import { describe, expect, it } from 'vitest';
import * as Injection from '../../spec/event-injection.ts';
import * as Exit from '../../spec/exit.ts';
import * as Launch from '../../spec/launch.ts';
import { MATRIX } from '../../test/attacks/matrix.ts';
import { bootGuest, FREE_GPA, type GuestCode, guestImage, SHARED_VIEW } from '../../test/guest.ts';
import { R8, RBX } from '../compiler/x86/operand.ts';
import { CHECKS, type Check } from './checks.ts';
import { encodeEvent, HostileHost } from './hostile.ts';
import { launchIgvm } from './launch/igvm.ts';
import { createMachine, type Machine, type MachineOptions } from './machine.ts';
import { setIntercept } from './vcpu/intercepts.ts';

const PAGE = 4096;
const CANARY = 0x5eed_cafe_f00d_d00dn;
const OTHER = FREE_GPA + PAGE;

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

const injection: Attack = (without) => {
  const machine = boot(without, count, { host: 'hv' });
  machine.vcpu.run(10);
  machine.vcpu.inject(encodeEvent({ vector: 6, type: 'exception' }));
  machine.hypervisor.run(100);
  return machine.core.state.r15 === 6n;
};

/** The host has a virtual interrupt taken, and no exit before it. */
const virtualInterrupt: Attack = (without) => {
  const vector = 0x40;
  const machine = boot(
    without,
    (guest) => {
      guest.handle(vector, () => guest.set(RBX, vector));
      guest.asm.op('sti');
      count(guest);
    },
    { host: 'hv' },
  );
  setIntercept(machine.core.control, Exit.VINTR, false);
  machine.vcpu.requestWindow(vector);
  machine.hypervisor.run(100);
  return machine.core.state.rbx === BigInt(vector);
};

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

/** Those that no row of test/attacks turns on. */
const attacks: readonly (readonly [Check, string, Attack])[] = [
  ['rmp-shared-write', 'has the guest write through C=0 to its own page', sharedWrite],
  ['event-injection', 'injects an exception under restricted injection', injection],
  ['virtual-interrupt', 'raises V_IRQ under restricted injection', virtualInterrupt],
  ['cpuid-page', 'promises features that there are not', cpuidLie],
  ['rmp-size', 'maps a page in another size', hugeMapping],
  ['vmsa-state', 'starts a guest without SVME', brokenVmsa],
];

describe.each(attacks)('the check %s', (check, what, attack) => {
  it(`is what stops a host that ${what}`, () => {
    expect(attack([])).toBe(false);
    expect(attack([check])).toBe(true);
  });
});

it('has a test of each check, here or where an attack turns on it', () => {
  const controls = MATRIX.flatMap(({ ways }) =>
    ways.flatMap(({ cells }) =>
      Object.values(cells).flatMap((cell) => ('controls' in cell ? cell.controls : [])),
    ),
  );
  const turned = controls.flatMap((control) => ('without' in control ? control.without : []));
  const tested = new Set([...turned, ...attacks.map(([check]) => check)]);
  expect([...tested].sort()).toEqual([...CHECKS].sort());
});

it('is made of every check there is, unless it is told', () => {
  const machine = boot([], count);
  expect(machine.checks.has('rmp-owner')).toBe(true);
  expect(machine.core.control.lifted).toBe(0);
  expect(BigInt(Injection.VALID)).toBe(encodeEvent({ vector: 0 }));
});
