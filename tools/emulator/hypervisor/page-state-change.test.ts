import { describe, expect, it } from 'vitest';
import * as Ghcb from '../../../spec/ghcb.ts';
import { view } from '../../../spec/layout.ts';
import { Ghcb as GhcbLayout } from '../../../spec/layouts/ghcb.ts';
import * as Rmp from '../../../spec/rmp.ts';
import { createMachine, type Machine } from '../machine.ts';
import { GhcbRequest } from './ghcb-request.ts';
import { changePageStates } from './page-state-change.ts';
import { entryFor, hypervisorOwned, psmash, rmpUpdate } from './rmp.ts';

const GPA = 0x8000n;
const PRIVATE = 1n;
const SHARED = 2n;
const PSMASH = 3n;

const entry = (operation: bigint, gfn: number, huge = 0n, done = 0n) =>
  (huge << 56n) | (operation << 52n) | (BigInt(gfn) << 12n) | done;

/** Asks for the changes. */
function change(machine: Machine, current: number, entries: readonly bigint[]) {
  const page = new Uint8Array(4096);
  const ghcb = view(GhcbLayout, page);
  Object.assign(ghcb, { version: 2, swScratch: GPA + BigInt(Ghcb.SHARED_BUFFER) });
  const data = new DataView(page.buffer, Ghcb.SHARED_BUFFER);
  data.setUint16(0, current, true);
  data.setUint16(2, entries.length - 1, true);
  for (const [i, word] of entries.entries()) data.setBigUint64(8 + i * 8, word, true);
  machine.memory.writeGuest(GPA, page);
  const request = new GhcbRequest(machine.memory, GPA, page);
  changePageStates(machine.hypervisor, request);
  request.finish();
  const answer = machine.memory.readGuest(GPA, 4096) ?? page;
  const after = new DataView(answer.buffer, answer.byteOffset + Ghcb.SHARED_BUFFER);
  return {
    info1: view(GhcbLayout, answer).swExitInfo1,
    info2: view(GhcbLayout, answer).swExitInfo2,
    current: after.getUint16(0, true),
    entries: entries.map((_, i) => after.getBigUint64(8 + i * 8, true)),
  };
}

const owner = (machine: Machine, frame: number) => entryFor(machine.core.frames, frame);

describe('a page-state change', () => {
  it('is made entry by entry, and each is marked as done', () => {
    const machine = createMachine({ mode: 'snp' });
    const wanted = [entry(PRIVATE, 0x400), entry(PRIVATE, 0x600, 1n), entry(PSMASH, 0x600, 1n)];
    const answer = change(machine, 0, wanted);
    expect(answer).toEqual({
      info1: 0n,
      info2: 0n,
      current: 3,
      entries: wanted.map((word, i) => word | (i === 0 ? 1n : 512n)),
    });
    expect(owner(machine, 0x400)).toMatchObject({ assigned: true, huge: false, gfn: 0x400 });
    expect(owner(machine, 0x7ff)).toMatchObject({ assigned: true, huge: true, gfn: 0x600 });
  });

  it('stops where the host likes, and is taken up there again', () => {
    const machine = createMachine({ mode: 'snp' });
    machine.hypervisor.pscEntries = 1;
    const wanted = [entry(PRIVATE, 0x400), entry(PRIVATE, 0x401)];
    const first = change(machine, 0, wanted);
    expect([first.info2, first.current]).toEqual([0n, 1]);
    expect(owner(machine, 0x401).assigned).toBe(false);
    const second = change(machine, first.current, first.entries);
    expect([second.info2, second.current]).toEqual([0n, 2]);
    expect(owner(machine, 0x401).assigned).toBe(true);
  });

  it('goes on inside an entry of 2 MiB that was done in part', () => {
    const machine = createMachine({ mode: 'snp' });
    change(machine, 0, [entry(PRIVATE, 0x600, 1n, 510n)]);
    expect(
      [0x5ff, 0x600 + 509, 0x600 + 510, 0x600 + 511].map((f) => owner(machine, f).assigned),
    ).toEqual([false, false, true, true]);
  });

  it.each([
    [
      'a header that counts too many',
      0,
      Array<bigint>(254).fill(entry(PRIVATE, 0x400)),
      0x1_0000_0001n,
    ],
    ['an entry of 2 MiB that is not aligned', 0, [entry(PRIVATE, 0x401, 1n)], 0x1_0000_0002n],
    ['an entry that is more than done', 0, [entry(PRIVATE, 0x400, 0n, 2n)], 0x1_0000_0002n],
    ['a page outside of RAM', 0, [entry(SHARED, 0xf_0000)], 0x100_0000_0000n],
  ])('fails for %s', (_why, current, entries, info2) => {
    const machine = createMachine({ mode: 'snp' });
    const list = entries.slice(0, 253);
    const answer =
      entries.length > 253
        ? changeWithEnd(machine, entries.length - 1)
        : change(machine, current, list);
    expect([answer.info1, answer.info2]).toEqual([0n, info2]);
  });

  it('leaves a page as it is that is the guest’s already', () => {
    const machine = createMachine({ mode: 'snp' });
    change(machine, 0, [entry(PRIVATE, 0x400)]);
    machine.core.frames.setRmp(0x400, { ...owner(machine, 0x400), validated: true });
    change(machine, 0, [entry(PRIVATE, 0x400)]);
    expect(owner(machine, 0x400).validated).toBe(true);
  });

  it('gives 2 MiB in pages of 4 KiB where some are the guest’s already', () => {
    const machine = createMachine({ mode: 'snp' });
    change(machine, 0, [entry(PRIVATE, 0x601), entry(PRIVATE, 0x600, 1n)]);
    expect(owner(machine, 0x600)).toMatchObject({ assigned: true, huge: false });
    expect(owner(machine, 0x7ff)).toMatchObject({ assigned: true, huge: false, gfn: 0x7ff });
  });

  it('takes 4 KiB out of 2 MiB', () => {
    const machine = createMachine({ mode: 'snp' });
    change(machine, 0, [entry(PRIVATE, 0x600, 1n), entry(SHARED, 0x601)]);
    expect(owner(machine, 0x600)).toMatchObject({ assigned: true, huge: false });
    expect(owner(machine, 0x601).assigned).toBe(false);
    expect(machine.pages.givenToHost(0x601)).toBe(true);
  });
});

/** A request whose header promises more entries than fit. */
function changeWithEnd(machine: Machine, end: number) {
  const page = new Uint8Array(4096);
  view(GhcbLayout, page).swScratch = GPA + BigInt(Ghcb.SHARED_BUFFER);
  new DataView(page.buffer).setUint16(Ghcb.SHARED_BUFFER + 2, end, true);
  machine.memory.writeGuest(GPA, page);
  const request = new GhcbRequest(machine.memory, GPA, page);
  changePageStates(machine.hypervisor, request);
  request.finish();
  const answer = view(GhcbLayout, machine.memory.readGuest(GPA, 4096) ?? page);
  return { info1: answer.swExitInfo1, info2: answer.swExitInfo2 };
}

describe('RMPUPDATE', () => {
  const guest = { assigned: true, huge: false, immutable: false, asid: 1, gfn: 0x400 };

  it('clears validation, the VMSA mark and the rights of lower VMPLs', () => {
    const { frames } = createMachine({ mode: 'snp' }).core;
    frames.setRmp(0x400, { ...guest, vmsa: true, validated: true, permissions: [15, 15, 15, 15] });
    expect(rmpUpdate(frames, 0x400, guest)).toBe(Rmp.OK);
    expect(frames.rmp(0x400)).toMatchObject({
      vmsa: false,
      validated: false,
      permissions: [15, 0, 0, 0],
    });
  });

  it('refuses as the manual says', () => {
    const { frames } = createMachine({ mode: 'snp' }).core;
    const huge = { ...guest, huge: true };
    expect(rmpUpdate(frames, frames.count, guest)).toBe(Rmp.FAIL_INPUT);
    expect(rmpUpdate(frames, 0x401, huge)).toBe(Rmp.FAIL_INPUT);
    expect(rmpUpdate(frames, 0x400, { ...guest, assigned: false })).toBe(Rmp.FAIL_INPUT);
    expect(rmpUpdate(frames, 0x400, guest, () => true)).toBe(Rmp.FAIL_INUSE);
    expect(rmpUpdate(frames, 0x401, { ...guest, gfn: 0x401 })).toBe(Rmp.OK);
    expect(rmpUpdate(frames, 0x400, huge)).toBe(Rmp.FAIL_OVERLAP);
    expect(rmpUpdate(frames, 0x401, hypervisorOwned(false))).toBe(Rmp.OK);
    expect(rmpUpdate(frames, 0x400, huge)).toBe(Rmp.OK);
    expect(rmpUpdate(frames, 0x405, guest)).toBe(Rmp.FAIL_OVERLAP);
    expect(rmpUpdate(frames, 0x800, { ...guest, immutable: true })).toBe(Rmp.OK);
    expect(rmpUpdate(frames, 0x800, guest)).toBe(Rmp.FAIL_PERMISSION);
  });

  it('has PSMASH make 512 entries of one, with their validation and rights', () => {
    const { frames } = createMachine({ mode: 'snp' }).core;
    rmpUpdate(frames, 0x400, { ...guest, huge: true });
    frames.setRmp(0x400, { ...frames.rmp(0x400), validated: true });
    expect(psmash(frames, 0x401)).toBe(Rmp.FAIL_INPUT);
    frames.setRmp(0x400, { ...frames.rmp(0x400), immutable: true });
    expect([0x400, 0x600].map((frame) => psmash(frames, frame))).toEqual([
      Rmp.FAIL_BAD_PAGE,
      Rmp.FAIL_BAD_PAGE,
    ]);
    frames.setRmp(0x400, { ...frames.rmp(0x400), immutable: false });
    expect(psmash(frames, 0x400)).toBe(Rmp.OK);
    expect(psmash(frames, 0x400)).toBe(Rmp.FAIL_BAD_PAGE);
    expect(frames.rmp(0x5ff)).toMatchObject({
      assigned: true,
      huge: false,
      validated: true,
      gfn: 0x5ff,
    });
  });
});
