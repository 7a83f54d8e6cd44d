import { describe, expect, it } from 'vitest';
import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import { bootGuest, exitFields, type GuestCode, SHARED_VIEW } from '../../test/guest.ts';
import { RAX, RDX } from '../compiler/x86/operand.ts';
import { rmpUpdate } from './hypervisor/rmp.ts';
import type { Machine, MachineOptions } from './machine.ts';
import { encrypted, MODES, type Mode, protectedState } from './mode.ts';

const NOTE = 0x9000;
const OUT_CF9_BYTE = 0x0cf9_0210;

/** Asks for a reset as the mode has it. */
function reset(guest: GuestCode, mode: Mode): void {
  if (protectedState(mode)) {
    guest.event({ ...exitFields(Exit.IOIO, OUT_CF9_BYTE), [Ghcb.VALID_RAX]: 6 });
    return;
  }
  guest.set(RDX, 0xcf9);
  guest.set(RAX, 6);
  guest.asm.op('out dx, al');
}

const boot = (options: MachineOptions) =>
  bootGuest({ memory: 8 << 20, ...options }, (guest) => {
    if (options.mode === 'snp') guest.registerGhcb();
    guest.store(SHARED_VIEW + NOTE, 0x1234_5678);
    reset(guest, options.mode);
  });

/** Runs until the machine has started again as often as asked. */
function runResets(machine: Machine, count: number): void {
  const start = machine.hypervisor.onReset;
  machine.hypervisor.onReset = () => {
    start?.();
    if (machine.statistics.resets === count) machine.hypervisor.end({ kind: 'limit' });
  };
  machine.hypervisor.run(1_000_000);
}

describe.each(MODES)('a reset in mode %s', (mode) => {
  it('starts the same guest again, as often as it asks', () => {
    const machine = boot({ mode });
    const digest = machine.launchDigest;
    runResets(machine, 100);
    expect(machine.statistics.resets).toBe(100);
    expect(machine.launchDigest).toEqual(digest);
    expect(machine.hypervisor.timeStamp()).toBeLessThan(1000n);
  });

  it('leaves what was shared where it was, and makes new keys', () => {
    const machine = boot({ mode });
    const code = () => Buffer.from(machine.memory.readGuest(0x10_0000n, 64) ?? []).toString('hex');
    const before = code();
    runResets(machine, 1);
    const note = Buffer.from(machine.memory.readGuest(BigInt(NOTE), 8) ?? []).readBigUint64LE();
    expect(note).toBe(0x1234_5678n);
    expect(code() === before).toBe(!encrypted(mode));
  });

  it('ends the run where the machine is told to', () => {
    const machine = boot({ mode, reset: false });
    expect(machine.hypervisor.run(1_000_000)).toEqual({ kind: 'exit', code: 0 });
    expect(machine.statistics.resets).toBe(0);
  });
});

it('a reset takes back the pages that the AMD-SP holds too', () => {
  const machine = boot({ mode: 'snp' });
  const { core, asid } = machine;
  const held = { assigned: true, immutable: true };
  const pages = [
    { frame: 0x300, huge: false, asid, gfn: 0x300 },
    { frame: 0x400, huge: true, asid, gfn: 0x400 },
    { frame: 0x301, huge: false, asid: 0, gfn: 0 },
  ];
  for (const { frame, ...page } of pages) {
    expect(rmpUpdate(core.frames, frame, { ...held, ...page })).toBe(0);
  }
  runResets(machine, 1);
  expect(machine.statistics.resets).toBe(1);
  expect(pages.map(({ frame }) => core.frames.assigned(frame))).toEqual([false, false, false]);
});
