import { Assembler } from '../../tools/compiler/x86/assembler.ts';
import { mem, RAX, RBX, RCX } from '../../tools/compiler/x86/operand.ts';
import { linearTweak } from '../../tools/emulator/core/linear-tweak.ts';
import type { HostileHost } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { hypervisorOwned } from '../../tools/emulator/hypervisor/rmp.ts';
import { CODE_GPA, SHARED_VIEW } from '../guest.ts';
import { CANARY, canaryBytes, leaks } from './canary.ts';
import { type Outcome, type Setting, testRow } from './row.ts';
import type { Surface } from './verdict.ts';
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

const frameOf = ({ machine }: HostileHost, gpa: number) => machine.memory.frameOf(gpa / PAGE) ?? -1;

/** The server reads its public page out; the nested table has the secret there. */
testRow('A3', {
  'swapping two pages while one is read out': (setting) =>
    attackMemory(setting, {
      act: (host) => {
        const [cell, secret] = [frameOf(host, CELL), frameOf(host, SECRET)];
        host.remap(CELL / PAGE, secret);
        host.remap(SECRET / PAGE, cell);
        return undefined;
      },
      won: ({ seen }) => seen === CANARY,
    }),
});

/** A page of code that puts the secret where the host can read it, wherever it is entered. */
function payload(): Uint8Array {
  const asm = new Assembler(64);
  asm.op('mov r64, imm64', RCX, BigInt(SECRET));
  asm.op('mov r64, r/m64', RAX, mem(RCX));
  asm.op('mov r64, imm64', RCX, BigInt(SHARED_VIEW + MAILBOX));
  asm.op('mov r/m64, r64', mem(RCX), RAX);
  asm.op('hlt');
  const code = asm.finish();
  const page = new Uint8Array(PAGE).fill(NOP);
  page.set(code, PAGE - code.length);
  return page;
}
const NOP = 0x90;

/** The host sends the payload as if from the network; the guest keeps it in private memory, and goes on. */
function inject(
  setting: Setting,
  prepare: (page: Uint8Array, host: HostileHost) => Uint8Array,
  place: (host: HostileHost) => Surface | undefined,
): Outcome {
  const host = boot(
    setting,
    (guest) => {
      for (const gpa of [CELL, SECRET]) accept(guest, setting, gpa);
      guest.store(SECRET, CANARY);
      guest.halt();
      guest.copy(SHARED_VIEW + MAILBOX, CELL, PAGE);
      guest.set(RAX, 0);
      guest.halt();
      guest.set(RBX, HONEST);
    },
    { tweak: 'linear' },
  );
  expectHalt(host);
  host.writeGuest(BigInt(MAILBOX), prepare(payload(), host));
  expectHalt(host);
  const refused = place(host);
  const { surface } = runOn(host);
  const won = leaks(host.machine, canaryBytes()).includes(
    `frame 0x${(MAILBOX / PAGE).toString(16)}`,
  );
  return { won, surface: refused ?? surface };
}

/** XORs what the tweaks of the two pages differ by into each block of `page`. */
function compensate(page: Uint8Array, host: HostileHost): Uint8Array {
  const result = page.slice();
  for (let at = 0; at < PAGE; at += 16) {
    const from = linearTweak(frameOf(host, CELL) * PAGE + at);
    const to = linearTweak(frameOf(host, CODE_GPA) * PAGE + at);
    for (let i = 0; i < 16; i++)
      result[at + i] = (page[at + i] ?? 0) ^ (from[i] ?? 0) ^ (to[i] ?? 0);
  }
  return result;
}

testRow('A6', {
  'mapping a page of network data as code': (setting) =>
    inject(
      setting,
      (page) => page,
      (host) => {
        host.remap(CODE_GPA / PAGE, frameOf(host, CELL));
        return undefined;
      },
    ),
  'copying the ciphertext of network data to code': (setting) =>
    inject(setting, compensate, (host) => {
      const ciphertext = host.readGuest(BigInt(CELL), PAGE) ?? new Uint8Array();
      const moved = compensate(ciphertext, host);
      return attempt(host, () => host.writeGuest(BigInt(CODE_GPA), moved));
    }),
});

/** Takes the page from the guest and writes to it, which the host then may. */
function takeAndWrite(host: HostileHost): number {
  const frame = frameOf(host, CELL);
  host.rmpUpdate(frame, hypervisorOwned(false));
  const fault = host.write(frame * PAGE, new Uint8Array(PAGE).fill(0x5a));
  if (fault) throw new RangeError('the host cannot write its own page');
  return frame;
}

testRow('A13', {
  'taking a page away': (setting) =>
    attackMemory(setting, {
      act: (host) => {
        takeAndWrite(host);
        return undefined;
      },
      won: ({ seen }) => seen !== undefined,
    }),
  'giving back a page that was taken': (setting) =>
    attackMemory(setting, {
      act: (host) => {
        const frame = takeAndWrite(host);
        const { asid } = host.machine;
        const private_ = { assigned: true, huge: false, immutable: false, asid };
        host.rmpUpdate(frame, { ...private_, gfn: CELL / PAGE });
        return undefined;
      },
      won: ({ seen }) => seen !== undefined,
    }),
});
