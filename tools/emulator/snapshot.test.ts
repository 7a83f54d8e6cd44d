import { expect, it } from 'vitest';
import * as Exit from '../../spec/exit.ts';
import { bootGuest, exitFields, GHCB_GPA, SHARED_VIEW } from '../../test/guest.ts';
import { mem, R8, R9, RCX, relative } from '../compiler/x86/operand.ts';
import type { Machine } from './machine.ts';
import { MODES, type Mode, protectedState } from './mode.ts';

const NOTE = 0x9000;

/** Counts, draws random numbers, writes memory, asks its host; then halts. */
const busy = (mode: Mode) =>
  bootGuest({ mode, memory: 8 << 20 }, (guest) => {
    if (mode === 'snp') guest.registerGhcb();
    for (let i = 0; i < 20; i++) {
      guest.asm.op('inc r/m64', R8);
      guest.asm.op('rdrand r64', R9);
      guest.set(RCX, SHARED_VIEW + NOTE + i * 8);
      guest.asm.op('mov r/m64, r64', mem(RCX), R9);
      if (protectedState(mode)) guest.event(exitFields(Exit.RDTSC));
    }
  });

/** All that can be seen of a machine. */
function picture(machine: Machine) {
  const { core, memory, statistics } = machine;
  return {
    r8: core.state.r8,
    r9: core.state.r9,
    rip: core.state.rip,
    instructions: core.instructions,
    note: Buffer.from(memory.readGuest(BigInt(NOTE), 512) ?? []).toString('hex'),
    ghcb: Buffer.from(memory.readGuest(BigInt(GHCB_GPA), 4096) ?? []).toString('hex'),
    exits: [...statistics.exits],
    ended: machine.hypervisor.ended,
  };
}

it.each(MODES)('in mode %s brings a machine back to where it was, again and again', (mode) => {
  const machine = busy(mode);
  machine.hypervisor.at(60, () => machine.hypervisor.end({ kind: 'limit' }));
  const fresh = machine.snapshot();
  machine.hypervisor.run(1_000_000);
  const half = picture(machine);
  machine.restore(fresh);
  machine.hypervisor.run(1_000_000);
  const whole = picture(machine);
  expect(whole.ended).toEqual({ kind: 'idle' });
  expect(half.instructions).toBe(60);
  for (let i = 0; i < 3; i++) {
    machine.restore(fresh);
    machine.hypervisor.run(1_000_000);
    expect(picture(machine)).toEqual(whole);
  }
});

it.each(MODES)('goes back to any of several points, in whatever order (mode %s)', (mode) => {
  const machine = busy(mode);
  const { core, hypervisor } = machine;
  const points = [20, 35, 60].map((instructions) => {
    while (core.instructions < instructions) hypervisor.answer(hypervisor.enter(1));
    return { before: picture(machine), snapshot: machine.snapshot() };
  });
  hypervisor.run(1_000_000);
  const end = picture(machine);
  for (const which of [0, 0, 2, 1, 1, 0, 2, 2]) {
    const point = points[which];
    if (!point) throw new RangeError(`no point ${which}`);
    machine.restore(point.snapshot);
    expect(picture(machine)).toEqual(point.before);
    hypervisor.run(1_000_000);
    expect(picture(machine)).toEqual(end);
  }
});

it('runs the code that was there when the snapshot was made, though the guest has changed it since', () => {
  const machine = bootGuest({ mode: 'none', memory: 8 << 20 }, (guest) => {
    const [loop, patched] = [guest.asm.label(), guest.asm.label()];
    guest.asm.bind(loop);
    guest.asm.bytes([0x41, 0xb9]); // mov r9d, 1, whose 1 is written below
    guest.asm.bind(patched);
    guest.asm.bytes([1, 0, 0, 0]);
    guest.asm.op('add r/m64, r64', R8, R9);
    guest.asm.op('mov r/m8, imm8', relative(patched), 5);
    guest.asm.op('cmp r/m64, simm8', R8, 20);
    guest.asm.op('jb rel32', loop);
  });
  const start = machine.snapshot();
  for (let i = 0; i < 3; i++) {
    machine.hypervisor.run(1_000_000);
    expect(machine.core.state.r8).toBe(21n); // 1, then 5 at a time
    machine.restore(start);
  }
});
