import { expect, it } from 'vitest';
import * as Exit from '../../spec/exit.ts';
import { bootGuest, exitFields, GHCB_GPA, SHARED_VIEW } from '../../test/guest.ts';
import { mem, R8, R9, RCX } from '../compiler/x86/operand.ts';
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
