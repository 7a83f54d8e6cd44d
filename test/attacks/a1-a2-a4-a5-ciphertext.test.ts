import { RAX, RBX } from '../../tools/compiler/x86/operand.ts';
import { linearTweak } from '../../tools/emulator/core/linear-tweak.ts';
import type { HostileHost } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { SHARED_VIEW } from '../guest.ts';
import { CANARY, canaryBytes, leaks } from './canary.ts';
import type { Outcome, Setting } from './row.ts';
import { testRow } from './row.ts';
import {
  accept,
  attackMemory,
  attempt,
  boot,
  CELL,
  expectHalt,
  HONEST,
  MAILBOX,
  runOn,
  SECRET,
} from './victim.ts';

testRow('A1', {
  'reading private memory': (setting) => {
    let seen: string[] = [];
    const { won } = attackMemory(setting, {
      act: ({ machine }) => {
        seen = leaks(machine, canaryBytes(CANARY));
        return undefined;
      },
      won: () => seen.includes(`frame 0x${(SECRET / PAGE).toString(16)}`),
    });
    return { won, surface: seen.length === 0 ? 'ciphertext' : undefined };
  },
});

testRow('A2', {
  'writing to a private page': (setting) =>
    attackMemory(setting, {
      act: (host) => {
        const garbage = new Uint8Array(16).fill(0x5a);
        return attempt(host, () => host.writeGuest(BigInt(CELL), garbage));
      },
      won: ({ seen }) => seen !== undefined,
    }),
});

/** The guest counts in a cell: the host puts back what was there at 1 when it is at 2. */
function replay(setting: Setting): Outcome {
  const host = boot(setting, (guest) => {
    accept(guest, setting, CELL);
    guest.store(CELL, 1);
    guest.halt();
    guest.store(CELL, 2);
    guest.halt();
    guest.load(RBX, CELL);
  });
  expectHalt(host);
  const old = host.readGuest(BigInt(CELL), PAGE) ?? new Uint8Array();
  expectHalt(host);
  const surface = attempt(host, () => host.writeGuest(BigInt(CELL), old));
  const { halted } = runOn(host);
  const won = halted && host.machine.core.state.rbx === 1n;
  return { won, surface };
}
testRow('A4', { 'putting old ciphertext back': replay });

const CHOSEN = 0x6666_7777_8888_9999n;

function xor(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => parts.reduce((x, one) => x ^ (one[i] ?? 0), 0));
}

/** Moves the sixteen bytes of ciphertext at one guest address to another, as if they belonged there. */
function moveBlock(host: HostileHost, from: number, to: number) {
  const spa = (gpa: number) => host.machine.memory.spa(BigInt(gpa)) ?? -1;
  const block = host.readGuest(BigInt(from), 16) ?? new Uint8Array();
  return host.writeGuest(BigInt(to), xor(block, linearTweak(spa(from)), linearTweak(spa(to))));
}

/**
 * The guest takes what the host sends it into a page of its own. What the host sends makes up for the tweaks, so that
 * the ciphertext of it, moved, is that of sixteen bytes of the host's choice.
 */
function move(setting: Setting): Outcome {
  const options = { tweak: 'linear' } as const;
  const host = boot(
    setting,
    (guest) => {
      for (const gpa of [CELL, SECRET]) accept(guest, setting, gpa);
      guest.store(CELL, HONEST);
      guest.halt();
      guest.copy(SHARED_VIEW + MAILBOX, SECRET, 16);
      guest.set(RAX, 0);
      guest.halt();
      guest.load(RBX, CELL);
    },
    options,
  );
  expectHalt(host);
  const chosen = new Uint8Array(16);
  new DataView(chosen.buffer).setBigUint64(0, CHOSEN, true);
  const { memory } = host.machine;
  const tweaks = [CELL, SECRET].map((gpa) => linearTweak(memory.spa(BigInt(gpa)) ?? -1));
  host.writeGuest(BigInt(MAILBOX), xor(chosen, ...tweaks));
  expectHalt(host);
  const surface = attempt(host, () => moveBlock(host, SECRET, CELL));
  const { halted } = runOn(host);
  const won = halted && host.machine.core.state.rbx === CHOSEN;
  return { won, surface };
}
testRow('A5', { 'moving a block, made up for the tweak': move });
