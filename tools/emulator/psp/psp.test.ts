import { describe, expect, it } from 'vitest';
import * as Launch from '../../../spec/launch.ts';
import * as Status from '../../../spec/psp-status.ts';
import { publishedLaunches, qemuLaunch, VECTORS } from '../../../test/qemu-launch.ts';
import { guestLeaves } from '../cpuid/model.ts';
import { rmpUpdate } from '../hypervisor/rmp.ts';
import { cpuidPage } from '../launch/cpuid-page.ts';
import { createMachine } from '../machine.ts';

const POLICY = 0x3_0000n;
const CONTEXT = 0x3000;
const PAGE_FRAME = 0x400;

/** A machine with a firmware page at CONTEXT. */
function machine() {
  const made = createMachine({ mode: 'snp' });
  const firmware = { assigned: true, huge: false, immutable: true, asid: 0, gfn: 0 };
  rmpUpdate(made.core.frames, CONTEXT, firmware);
  return made;
}

/** One with an active guest under launch. */
function launching() {
  const made = machine();
  made.psp.createContext(CONTEXT);
  made.psp.launchStart(CONTEXT, POLICY);
  made.psp.activate(CONTEXT, 1);
  return made;
}

const pre = (asid = 1, huge = false) => ({
  assigned: true,
  huge,
  immutable: true,
  asid,
  gfn: PAGE_FRAME,
});
const update = { context: CONTEXT, frame: PAGE_FRAME, huge: false, type: Launch.NORMAL };

describe('the AMD-SP', () => {
  it('makes a context of a firmware page alone, which nobody can take away', () => {
    const { psp, core } = machine();
    expect(psp.createContext(PAGE_FRAME)).toBe(Status.INVALID_PAGE_STATE);
    expect(psp.createContext(CONTEXT)).toBe(Status.SUCCESS);
    expect(psp.createContext(CONTEXT)).toBe(Status.INVALID_PAGE_STATE);
    const free = { assigned: false, huge: false, immutable: false, asid: 0, gfn: 0 };
    expect(rmpUpdate(core.frames, CONTEXT, free)).not.toBe(0);
  });

  it('goes through a launch in its order', () => {
    const { psp } = machine();
    expect(psp.launchStart(CONTEXT, POLICY)).toBe(Status.INVALID_GUEST);
    psp.createContext(CONTEXT);
    expect(psp.activate(CONTEXT, 1)).toBe(Status.INVALID_GUEST_STATE);
    expect(psp.launchStart(CONTEXT, 0n)).toBe(Status.POLICY_FAILURE);
    expect(psp.launchStart(CONTEXT, POLICY)).toBe(Status.SUCCESS);
    expect(psp.launchStart(CONTEXT, POLICY)).toBe(Status.INVALID_GUEST_STATE);
    expect(psp.launchFinish(CONTEXT)).toBe(Status.INACTIVE);
    expect(psp.activate(CONTEXT, 0)).toBe(Status.INVALID_ASID);
    expect(psp.activate(CONTEXT, 1)).toBe(Status.SUCCESS);
    expect(psp.activate(CONTEXT, 1)).toBe(Status.ASID_OWNED);
    expect(psp.launchFinish(CONTEXT)).toBe(Status.SUCCESS);
    expect(psp.launchFinish(CONTEXT)).toBe(Status.INVALID_GUEST_STATE);
  });

  it('gives a guest no second ASID', () => {
    const { psp } = launching();
    expect(psp.activate(CONTEXT, 2)).toBe(Status.ACTIVE);
    expect(psp.context(CONTEXT)?.asid).toBe(1);
  });

  it('gives no guest an ASID under which there are pages', () => {
    const { psp, core } = machine();
    psp.createContext(CONTEXT);
    psp.launchStart(CONTEXT, POLICY);
    rmpUpdate(core.frames, PAGE_FRAME, pre(1, true));
    expect(psp.activate(CONTEXT, 1)).toBe(Status.INVALID_CONFIG);
    expect(psp.activate(CONTEXT, 2)).toBe(Status.SUCCESS);
  });

  it('lets processors run a guest from the end of its launch to its own', () => {
    const { psp } = launching();
    expect(psp.runs(1)).toBe(false);
    psp.launchFinish(CONTEXT);
    expect([psp.runs(1), psp.runs(2)]).toEqual([true, false]);
    psp.decommission(CONTEXT);
    expect(psp.runs(1)).toBe(false);
  });

  it('gives pages back in their own size, and leaves alone what it does not hold', () => {
    const { psp, core } = machine();
    const { frames } = core;
    expect(psp.pageReclaim(PAGE_FRAME)).toBe(Status.SUCCESS);
    expect(frames.rmp(PAGE_FRAME).assigned).toBe(false);
    rmpUpdate(frames, PAGE_FRAME, { ...pre(1, true), immutable: false });
    expect(psp.pageReclaim(PAGE_FRAME, true)).toBe(Status.SUCCESS);
    frames.setRmp(PAGE_FRAME, { ...frames.rmp(PAGE_FRAME), immutable: true, vmsa: true });
    expect(psp.pageReclaim(PAGE_FRAME)).toBe(Status.INVALID_PAGE_SIZE);
    expect(psp.pageReclaim(PAGE_FRAME, true)).toBe(Status.SUCCESS);
    expect(frames.rmp(PAGE_FRAME)).toMatchObject({ asid: 1, immutable: false, vmsa: true });
    psp.createContext(CONTEXT);
    expect(psp.pageReclaim(CONTEXT)).toBe(Status.INVALID_PAGE_STATE);
  });

  it('takes into a launch what is a page of that guest under launch', () => {
    const { psp, core } = launching();
    expect(psp.launchUpdate(update)).toBe(Status.INVALID_PAGE_STATE);
    rmpUpdate(core.frames, PAGE_FRAME, pre(2));
    expect(psp.launchUpdate(update)).toBe(Status.INVALID_PAGE_OWNER);
    const other = launching();
    rmpUpdate(other.core.frames, PAGE_FRAME, pre());
    expect(other.psp.launchUpdate({ ...update, huge: true })).toBe(Status.INVALID_PAGE_SIZE);
    expect(other.psp.launchUpdate({ ...update, type: 0 })).toBe(Status.INVALID_PARAM);
    expect(other.psp.launchUpdate({ ...update, type: 7 })).toBe(Status.INVALID_PARAM);
    expect(other.psp.launchUpdate(update)).toBe(Status.SUCCESS);
    expect(other.core.frames.rmp(PAGE_FRAME)).toMatchObject({
      validated: true,
      immutable: false,
      permissions: [15, 0, 0, 0],
    });
    expect(other.psp.launchUpdate(update)).toBe(Status.INVALID_PAGE_STATE);
    other.psp.launchFinish(CONTEXT);
    rmpUpdate(other.core.frames, PAGE_FRAME + 1, { ...pre(), gfn: PAGE_FRAME + 1 });
    const late = { ...update, frame: PAGE_FRAME + 1 };
    expect(other.psp.launchUpdate(late)).toBe(Status.INVALID_GUEST_STATE);
  });

  it('takes 2 MiB as 512 pages of 4 KiB each', () => {
    const small = launching();
    for (let i = 0; i < 512; i++) {
      rmpUpdate(small.core.frames, PAGE_FRAME + i, { ...pre(), gfn: PAGE_FRAME + i });
      small.psp.launchUpdate({ ...update, frame: PAGE_FRAME + i });
    }
    const large = launching();
    rmpUpdate(large.core.frames, PAGE_FRAME, pre(1, true));
    for (const type of [Launch.VMSA, Launch.SECRETS, Launch.CPUID]) {
      const status = large.psp.launchUpdate({ ...update, huge: true, type });
      expect(status).toBe(Status.INVALID_PAGE_SIZE);
    }
    expect(large.psp.launchUpdate({ ...update, huge: true })).toBe(Status.SUCCESS);
    expect(large.psp.context(CONTEXT)?.digest).toEqual(small.psp.context(CONTEXT)?.digest);
  });

  it('gives a CPUID page that is no truth back, corrected and unencrypted', () => {
    const { psp, core, memory } = launching();
    const lie = new Uint8Array(4096);
    const words = new DataView(lie.buffer);
    words.setUint32(0, 1, true);
    words.setUint32(0x10, 0x8000_001f, true);
    words.setUint32(0x10 + 0x1c, 47, true);
    memory.write(PAGE_FRAME * 4096, lie);
    rmpUpdate(core.frames, PAGE_FRAME, pre());
    const before = psp.context(CONTEXT)?.digest;
    const page = { ...update, type: Launch.CPUID };
    expect(psp.launchUpdate(page)).toBe(Status.INVALID_PARAM);
    expect(memory.read(PAGE_FRAME * 4096 + 0x2c, 1)[0]).toBe(51);
    expect(psp.context(CONTEXT)?.digest).toEqual(before);
    expect(psp.launchUpdate(page)).toBe(Status.SUCCESS);
  });

  it('gives a guest four message keys that follow from the seed', () => {
    const keys = [launching(), launching()].map(({ psp }) => psp.context(CONTEXT)?.vmpcks);
    expect(keys[0]).toEqual(keys[1]);
    expect(new Set(keys[0]?.map((key) => Buffer.from(key).toString('hex'))).size).toBe(4);
  });
});

const published = publishedLaunches();

describe.skipIf(published.length === 0)(`the AMD-SP, given QEMU's launches (${VECTORS})`, () => {
  it.each(published)(
    'measures $ovmf as published: $vcpus vCPUs, kernel $kernel, features $guestFeatures',
    (launch) => {
      const { psp, core, memory } = launching();
      qemuLaunch(launch).forEach(({ gpa, type, bytes }, frame) => {
        const content = type === Launch.CPUID ? cpuidPage(guestLeaves('snp')) : bytes;
        memory.write(frame * 4096, content);
        rmpUpdate(core.frames, frame, { ...pre(), gfn: Number(gpa / 4096n) });
        expect(psp.launchUpdate({ ...update, frame, type })).toBe(Status.SUCCESS);
      });
      const digest = psp.context(CONTEXT)?.digest ?? new Uint8Array();
      expect(Buffer.from(digest).toString('hex')).toBe(launch.digest);
    },
  );
});
