import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Request from '../../spec/ghcb-msr.ts';
import * as Launch from '../../spec/launch.ts';
import { view } from '../../spec/layout.ts';
import { Ghcb as GhcbLayout } from '../../spec/layouts/ghcb.ts';
import {
  bootGuest,
  exitFields,
  GHCB_GPA,
  type GuestCode,
  guestImage,
  SHARED_VIEW,
} from '../../test/guest.ts';
import { mem, R8, R9, RAX, RBX, RCX, RDX } from '../compiler/x86/operand.ts';
import { UserError } from '../errors.ts';
import { encodeEvent, HostileHost } from './hostile.ts';
import { loadScript } from './hostile-script.ts';
import { launchIgvm } from './launch/igvm.ts';
import { createMachine } from './machine.ts';
import { prepare } from './run.ts';

const NOTE = 0x9000;
const MEMORY = 8 << 20;

function taken(build: (guest: GuestCode) => void) {
  const machine = bootGuest({ mode: 'snp', memory: MEMORY }, build);
  return { machine, host: new HostileHost(machine) };
}

/** Counts up in R8 for good. */
function count(guest: GuestCode): void {
  const again = guest.asm.label();
  guest.asm.bind(again);
  guest.asm.op('inc r/m64', R8);
  guest.asm.op('jmp rel32', again);
}

describe('a hostile host', () => {
  it('acts at any instruction boundary', () => {
    const { machine, host } = taken(count);
    const seen: [number, bigint][] = [];
    for (const at of [7, 3, 5]) host.at(at, () => seen.push([at, machine.core.state.r8]));
    host.at(9, () => host.inject({ vector: 6, type: 'exception' }));
    machine.hypervisor.run(100);
    expect(seen.map(([at]) => at)).toEqual([3, 5, 7]);
    expect(seen.map(([, r8]) => r8)).toEqual([2n, 3n, 4n]);
    expect(machine.core.state).toMatchObject({ r8: 5n, r15: 6n });
  });

  it('waits for an address', () => {
    const { machine, host } = taken(count);
    host.runTo(1);
    const times: number[] = [];
    host.atAddress(machine.core.state.rip, (nth) => times.push(nth));
    machine.hypervisor.run(8);
    expect(times).toEqual([1, 2, 3, 4]);
  });

  it('encodes events as VMRUN takes them', () => {
    expect(encodeEvent({ vector: 0x80 })).toBe(0x8000_0080n);
    expect(encodeEvent({ vector: 29, errorCode: 0x81 })).toBe(0x81_8000_081dn);
    expect(encodeEvent({ vector: 13, type: 'exception', errorCode: 0 })).toBe(0x8000_0b0dn);
  });

  it('changes a page between two reads of it', () => {
    const { machine, host } = taken((guest) => {
      for (const register of [RAX, RBX, RDX]) guest.load(register, SHARED_VIEW + NOTE);
      guest.set(RCX, SHARED_VIEW + NOTE);
      guest.set(R9, 0x99);
      guest.asm.op('xchg r/m64, r64', mem(RCX), R9);
    });
    const accesses: boolean[] = [];
    host.onAccess(BigInt(NOTE), ({ nth, write, size }) => {
      accesses.push(write);
      expect(size).toBe(8);
      host.writeGuest(BigInt(NOTE), Uint8Array.of(nth, 0, 0, 0, 0, 0, 0, 0));
    });
    machine.hypervisor.run(1000);
    expect(machine.core.state).toMatchObject({ rax: 1n, rbx: 2n, rdx: 3n, r9: 4n });
    expect(accesses).toEqual([false, false, false, true]);
  });

  it('changes a page at each of its reads in turn, from one point', () => {
    const { machine, host } = taken((guest) => {
      for (const register of [RAX, RBX, RDX]) guest.load(register, SHARED_VIEW + NOTE);
    });
    const point = host.snapshot();
    const seen = [1, 2, 3].map((target) => {
      host.onAccess(BigInt(NOTE), ({ nth }) => {
        if (nth === target) host.writeGuest(BigInt(NOTE), Uint8Array.of(7));
      });
      host.restore(point);
      machine.hypervisor.run(1000);
      const { rax, rbx, rdx } = machine.core.state;
      return [rax, rbx, rdx];
    });
    expect(seen).toEqual([
      [7n, 7n, 7n],
      [0n, 7n, 7n],
      [0n, 0n, 7n],
    ]);
  });

  it('answers requests, events and exits as it likes, and honestly where it likes', () => {
    const { machine, host } = taken((guest) => {
      guest.request(BigInt(Request.HV_FEATURES_REQUEST));
      guest.asm.op('mov r64, r/m64', R8, RAX);
      guest.registerGhcb();
      guest.event(exitFields(Exit.RDTSC));
      guest.load(R9, SHARED_VIEW + GHCB_GPA + Ghcb.VALID_RAX * 8);
    });
    host.onRequest(Request.HV_FEATURES_REQUEST, (_, honest) => (honest() ?? 0n) | 0xf000_0000n);
    host.onEvent(Exit.RDTSC, (request) => request.set(Ghcb.VALID_RAX, 77n));
    host.afterEvent((_request, write) => write(Ghcb.VALID_RAX * 8 + 1, Uint8Array.of(1)));
    const halts: number[] = [];
    host.onExit(Exit.HLT, (exit, honest) => {
      halts.push(exit.code);
      honest();
    });
    expect(machine.hypervisor.run(1000)).toEqual({ kind: 'idle' });
    expect(machine.core.state.r8).toBe(0xf000_3081n);
    expect(machine.core.state.r9).toBe(77n + 256n);
    expect(halts).toEqual([Exit.HLT]);
  });

  it('takes pages, moves them, and makes devices of them: the architecture answers', () => {
    const ends = (act: (host: HostileHost) => void) => {
      const { machine, host } = taken((guest) => {
        for (let i = 0; i < 20; i++) guest.load(RAX, 0x1_0000 - 8);
      });
      host.at(10, () => act(host));
      return machine.hypervisor.run(1000);
    };
    const frame = 0xf;
    const rmp = /^RMP fault: private read/;
    expect(ends((host) => host.remap(frame, 0x300))).toMatchObject({
      cause: expect.stringMatching(rmp),
    });
    const free = { assigned: false, huge: false, immutable: false, asid: 0, gfn: 0 };
    expect(ends((host) => host.rmpUpdate(frame, free))).toMatchObject({
      cause: expect.stringMatching(rmp),
    });
    expect(ends((host) => host.makeDevice(frame))).toMatchObject({ kind: 'shutdown' });
    expect(
      ends((host) => expect(host.write(frame * 4096, Uint8Array.of(1))?.kind).toBe('fault')),
    ).toEqual({ kind: 'idle' });
  });

  it('cannot replay a VMSA in snp, and is found out in sev-es', () => {
    for (const mode of ['sev-es', 'snp'] as const) {
      const machine = bootGuest({ mode, memory: MEMORY }, count);
      const host = new HostileHost(machine);
      let old: Uint8Array | undefined;
      host.at(5, () => {
        old = host.readVmsa();
      });
      host.at(9, () => {
        const fault = old && host.replayVmsa(old);
        expect(fault?.kind).toBe(mode === 'snp' ? 'fault' : undefined);
      });
      const end = machine.hypervisor.run(50);
      if (mode === 'snp') expect(end).toEqual({ kind: 'limit' });
      else expect(end).toMatchObject({ cause: expect.stringContaining('VMSA was changed') });
    }
  });

  it('changes the launch, which changes the digest', () => {
    const image = guestImage('snp', (guest) => guest.halt());
    const digest = (take?: (host: HostileHost) => void) => {
      const options = { mode: 'snp', memory: MEMORY, ...(take && { hostile: take }) } as const;
      return prepare(image, 'guest.igvm', options).launchDigest;
    };
    const honest = digest();
    expect(digest()).toEqual(honest);
    const lies: ((host: HostileHost) => void)[] = [
      (host) => host.onLaunch((pages) => pages.slice(1)),
      (host) => host.onLaunch((pages) => [...pages].reverse()),
      (host) =>
        host.onLaunch((pages) => pages.map((page) => ({ ...page, type: Launch.UNMEASURED }))),
      (host) =>
        host.onVmsa((page) => {
          const changed = page.slice();
          changed[0x1f8] = 1;
          return changed;
        }),
    ];
    for (const lie of lies) expect(digest(lie)).not.toEqual(honest);
  });

  it('gives the AMD-SP a CPUID page that it refuses', () => {
    const machine = createMachine({ mode: 'snp', memory: MEMORY });
    const host = new HostileHost(machine);
    host.onLaunch((pages) => [
      ...pages,
      { gfn: 0x300, data: new Uint8Array(4096).fill(1, 0, 1), type: Launch.CPUID },
    ]);
    const image = guestImage('snp', count);
    expect(() => launchIgvm(machine, image)).not.toThrow();
    const lying = new HostileHost(createMachine({ mode: 'snp', memory: MEMORY }));
    lying.onCpuidPage((page) => page.fill(0xff, 16, 64));
    const inner = lying.machine.hooks.pages;
    lying.machine.hooks.pages = (pages) =>
      inner?.([...pages, { gfn: 0x300, data: one(), type: Launch.CPUID }]) ?? [];
    expect(() => launchIgvm(lying.machine, image)).toThrow(/INVALID_PARAM/);
  });
  /** A CPUID page with one function. */
  const one = () => new Uint8Array(4096).fill(1, 0, 1);

  it('changes what the AMD-SP answers, and stops page-state changes half-way', () => {
    const { machine, host } = taken(() => {});
    const page = 0x8000n;
    machine.hypervisor.registeredGhcb = page;
    host.onPspResponse(({ page: answer }) => ({ status: 0, page: answer.fill(7) }));
    host.stopPageStateChangesAfter(1);
    const ask = (code: number, info1: bigint, info2: bigint) => {
      const bytes = new Uint8Array(4096);
      const ghcb = view(GhcbLayout, bytes);
      Object.assign(ghcb, { swExitCode: BigInt(code), swExitInfo1: info1, swExitInfo2: info2 });
      Object.assign(ghcb, { validLow: (1n << 64n) - 1n, validHigh: (1n << 64n) - 1n, version: 2 });
      ghcb.swScratch = page + BigInt(Ghcb.SHARED_BUFFER);
      const words = new DataView(bytes.buffer, Ghcb.SHARED_BUFFER);
      words.setUint16(2, 1, true);
      words.setBigUint64(8, (1n << 52n) | 0x40_5000n, true);
      words.setBigUint64(16, (1n << 52n) | 0x40_6000n, true);
      host.writeGuest(page, bytes);
      machine.vcpu.ghcb = page;
      machine.hypervisor.answer({ code: Exit.VMGEXIT, info1: 0n, info2: 0n });
    };
    ask(Event.GUEST_REQUEST, 0x40_0000n, 0x40_1000n);
    expect(host.readGuest(0x40_1000n, 4)).toEqual(Uint8Array.of(7, 7, 7, 7));
    ask(Event.PAGE_STATE_CHANGE, 0n, 0n);
    expect(host.readGuest(page + BigInt(Ghcb.SHARED_BUFFER), 2)).toEqual(Uint8Array.of(1, 0));
  });

  it('answers at a port, and asks what is there', () => {
    const machine = bootGuest({ mode: 'none', memory: MEMORY }, (guest) => {
      guest.set(RDX, 0x3fd);
      guest.set(RAX, 0);
      guest.asm.op('in al, dx');
      guest.asm.op('mov r64, r/m64', R8, RAX);
      guest.set(RDX, 0x3f8);
      guest.set(RAX, 0x41);
      guest.asm.op('out dx, al');
    });
    const host = new HostileHost(machine);
    host.onPort(0x3fd, (_access, honest) => honest() | 0x80);
    const sent: (number | undefined)[] = [];
    host.onPort(0x3f8, ({ value }) => {
      sent.push(value);
      return 0;
    });
    machine.hypervisor.run(100);
    expect(machine.core.state.r8).toBe(0xe0n);
    expect(sent).toEqual([0x41]);
  });

  it('can break the platform beneath the architecture', () => {
    const { machine, host } = taken((guest) => {
      guest.store(0x1_0000 - 64, 5);
      guest.halt();
      guest.store(0x1_0000 - 64, 6);
      guest.halt();
      guest.load(RBX, 0x1_0000 - 64);
      guest.asm.op('rdrand r64', R9);
      guest.asm.op('setb r/m8', R8);
    });
    let old = new Uint8Array();
    let halts = 0;
    const spa = 0xf000;
    host.onExit(Exit.HLT, (_exit, honest) => {
      halts++;
      if (halts === 1) old = new Uint8Array(host.readChips(spa, 4096));
      else if (halts === 2) {
        host.writeChips(spa, old);
        host.withholdRandom(true);
        host.addToStackPointer(-16n);
        host.setTscOffset(5n);
      } else honest();
    });
    machine.hypervisor.run(1000);
    expect(machine.core.state).toMatchObject({ rbx: 5n, r8: 0n, rsp: 0xfff0n, tscOffset: 5n });
    host.forgeRmp(0x300, { assigned: true, asid: 7 });
    expect(machine.core.frames.rmp(0x300)).toMatchObject({ assigned: true, asid: 7 });
  });

  it('tries a thousand things from one point', () => {
    const { machine, host } = taken(count);
    host.runTo(50);
    const point = host.snapshot();
    for (let vector = 0; vector < 100; vector++) {
      host.inject({ vector: vector % 32 });
      expect(machine.hypervisor.run(200)).toEqual({ kind: 'idle' });
      expect(machine.core.state.r15).toBe(BigInt(vector % 32));
      host.restore(point);
      expect(machine.core.instructions).toBe(50);
    }
  });
});

describe('a script', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tacit-script-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  it('is a module of TypeScript or JavaScript', async () => {
    const typed = file(
      'a.ts',
      'const n: number = 5; export default (h: { x: number }) => { h.x = n; };',
    );
    const plain = file('b.mjs', 'export default (h) => { h.x = 6; };');
    for (const [name, x] of [
      [typed, 5],
      [plain, 6],
    ] as const) {
      const holder = { x: 0 };
      (await loadScript(name))(holder as unknown as HostileHost);
      expect(holder.x).toBe(x);
    }
  });

  it('that is none is refused in one line', async () => {
    const broken = file('c.ts', 'export default (');
    const empty = file('d.mjs', 'export const x = 1;');
    for (const name of [broken, empty, join(folder, 'missing.mjs'), join(folder, 'missing.ts')]) {
      await expect(loadScript(name)).rejects.toThrow(UserError);
    }
  });
});
