import { describe, expect, it } from 'vitest';
import * as Launch from '../../../spec/launch.ts';
import * as Status from '../../../spec/psp-status.ts';
import { rmpUpdate } from '../hypervisor/rmp.ts';
import { createMachine } from '../machine.ts';
import { pageState } from './page-state.ts';

const PAGE = 4096;
const CONTEXT = 0x300;
const METADATA = 0x301;
const SWAPPED = 0x302;
const OTHER = 0x303;
const FIRST = 0x400;
const CONTENT = new Uint8Array(PAGE).map((_, i) => i * 7);

const firmware = { assigned: true, huge: false, immutable: true, asid: 0, gfn: 0 };
const guests = (gfn: number, immutable = true) => ({ ...firmware, asid: 1, gfn, immutable });

/** A guest under launch with a page of its own, which the AMD-SP may swap out, and a metadata page. */
function swapping() {
  const machine = createMachine({ mode: 'snp', memory: 8 << 20 });
  const { core, psp } = machine;
  for (const frame of [CONTEXT, METADATA, SWAPPED, OTHER]) {
    rmpUpdate(core.frames, frame, firmware);
  }
  psp.createContext(CONTEXT);
  psp.launchStart(CONTEXT, 0x3_0000n);
  psp.activate(CONTEXT, 1);
  core.write(FIRST * PAGE, CONTENT, 0);
  rmpUpdate(core.frames, FIRST, guests(FIRST));
  const page = { context: CONTEXT, frame: FIRST, huge: false, type: Launch.NORMAL };
  psp.launchUpdate({ ...page, permissions: [3, 0, 1] });
  expect(psp.metadataInit(CONTEXT, METADATA)).toBe(Status.SUCCESS);
  expect(rmpUpdate(core.frames, FIRST, guests(FIRST))).toBe(0);
  const command = {
    context: CONTEXT,
    source: FIRST,
    target: SWAPPED,
    metadata: METADATA * PAGE + 0x40,
    type: Launch.SWAP_DATA,
  };
  const stateOf = (frame: number) => pageState(core.frames.rmp(frame));
  return { machine, core, psp, command, stateOf };
}

const back = { source: SWAPPED, target: FIRST };

describe('a page that is made immutable', () => {
  it('stays validated, for it is the AMD-SP’s to swap; a change of more than that ends that', () => {
    const { core, stateOf } = swapping();
    expect(stateOf(FIRST)).toBe('pre-swap');
    expect(core.frames.rmp(FIRST).permissions).toEqual([15, 3, 0, 1]);
    rmpUpdate(core.frames, OTHER + 1, guests(OTHER + 1, false));
    core.frames.setRmp(OTHER + 1, { ...core.frames.rmp(OTHER + 1), validated: true });
    rmpUpdate(core.frames, OTHER + 1, guests(OTHER + 2));
    expect(stateOf(OTHER + 1)).toBe('pre-guest');
  });
});

describe('a page that is swapped out', () => {
  it('leaves ciphertext of another key behind, and comes back as it was', () => {
    const { core, psp, command, stateOf } = swapping();
    expect(psp.swapOut(command)).toBe(Status.SUCCESS);
    expect(stateOf(FIRST)).toBe('pre-guest');
    const swapped = core.read(SWAPPED * PAGE, PAGE, 0);
    expect(swapped).not.toEqual(CONTENT);
    expect(swapped).not.toEqual(core.read(FIRST * PAGE, PAGE, 0));
    core.write(FIRST * PAGE, new Uint8Array(PAGE), 1);
    expect(psp.swapIn({ ...command, ...back })).toBe(Status.SUCCESS);
    expect(core.read(FIRST * PAGE, PAGE, 1)).toEqual(CONTENT);
    expect(stateOf(FIRST)).toBe('pre-swap');
    expect(core.frames.rmp(FIRST)).toMatchObject({ gfn: FIRST, permissions: [15, 3, 0, 1] });
    expect(psp.pageReclaim(FIRST)).toBe(Status.SUCCESS);
    expect(stateOf(FIRST)).toBe('guest-valid');
  });

  it('comes back to the guest page that it was, whatever page it is put in', () => {
    const { core, psp, command } = swapping();
    psp.swapOut(command);
    rmpUpdate(core.frames, 0x500, guests(0x777));
    expect(psp.swapIn({ ...command, source: SWAPPED, target: 0x500 })).toBe(Status.SUCCESS);
    expect(core.frames.rmp(0x500)).toMatchObject({ gfn: FIRST, validated: true });
  });

  it('comes back once: its entry is used up', () => {
    const { core, psp, command } = swapping();
    psp.swapOut(command);
    psp.swapIn({ ...command, ...back });
    rmpUpdate(core.frames, 0x500, guests(FIRST));
    const again = { ...command, source: SWAPPED, target: 0x500 };
    expect(psp.swapIn(again)).toBe(Status.INVALID_MDATA_ENTRY);
  });

  it('does not come back changed', () => {
    const { core, psp, command, stateOf } = swapping();
    psp.swapOut(command);
    core.write(SWAPPED * PAGE, Uint8Array.of(1), 0);
    expect(psp.swapIn({ ...command, ...back })).toBe(Status.BAD_MEASUREMENT);
    expect(stateOf(FIRST)).toBe('pre-guest');
  });

  it('takes a number of its own, so that equal pages never look equal', () => {
    const { core, psp, command } = swapping();
    psp.swapOut(command);
    const once = core.read(SWAPPED * PAGE, PAGE, 0);
    psp.swapIn({ ...command, ...back });
    psp.swapOut(command);
    expect(core.read(SWAPPED * PAGE, PAGE, 0)).not.toEqual(once);
  });

  it('has its entry in the guest context where that is wanted', () => {
    const { psp, command } = swapping();
    expect(psp.swapOut({ ...command, metadata: 'root' })).toBe(Status.SUCCESS);
    expect(psp.swapIn({ ...command, ...back, metadata: METADATA * PAGE })).toBe(
      Status.INVALID_MDATA_ENTRY,
    );
    expect(psp.swapIn({ ...command, ...back, metadata: 'root' })).toBe(Status.SUCCESS);
  });

  it('may be a metadata page, which then is no more than a firmware page', () => {
    const { core, psp, command, stateOf } = swapping();
    psp.swapOut(command);
    const entry = core.read(METADATA * PAGE, PAGE, 0);
    const page = { context: CONTEXT, metadata: 'root', type: Launch.SWAP_METADATA } as const;
    expect(psp.swapOut({ ...page, source: METADATA, target: OTHER })).toBe(Status.SUCCESS);
    expect(stateOf(METADATA)).toBe('firmware');
    expect(core.read(OTHER * PAGE, PAGE, 0)).not.toEqual(entry);
    expect(psp.swapIn({ ...page, source: OTHER, target: METADATA })).toBe(Status.SUCCESS);
    expect(stateOf(METADATA)).toBe('metadata');
    expect(psp.swapIn({ ...command, ...back })).toBe(Status.SUCCESS);
  });
});

describe('the AMD-SP', () => {
  it.each([
    ['an entry that is not aligned', { metadata: METADATA * PAGE + 8 }, Status.INVALID_PARAM],
    ['an entry in the page itself', { metadata: FIRST * PAGE }, Status.INVALID_PARAM],
    ['an entry in a page of the host’s', { metadata: 0x600 * PAGE }, Status.INVALID_PAGE_STATE],
    ['a page of another kind', { type: Launch.SWAP_METADATA }, Status.INVALID_PAGE_STATE],
    ['a page of no kind', { type: 3 }, Status.INVALID_PAGE_STATE],
    ['a target of the guest’s', { target: FIRST }, Status.INVALID_PAGE_STATE],
    ['a source of the host’s', { source: 0x600 }, Status.INVALID_PAGE_STATE],
    ['a frame that there is not', { target: 1 << 24 }, Status.INVALID_ADDRESS],
    ['a context that is none', { context: OTHER }, Status.INVALID_GUEST],
  ] as const)('refuses to swap out: %s', (_what, change, status) => {
    const { psp, command } = swapping();
    expect(psp.swapOut({ ...command, ...change })).toBe(status);
  });

  it('refuses the page, and the metadata page, of another guest', () => {
    const { core, psp, command } = swapping();
    rmpUpdate(core.frames, 0x500, { ...guests(0x500), asid: 2 });
    expect(psp.swapOut({ ...command, source: 0x500 })).toBe(Status.INVALID_PAGE_OWNER);
    rmpUpdate(core.frames, 0x600, firmware);
    psp.createContext(0x600);
    psp.launchStart(0x600, 0x3_0000n);
    psp.activate(0x600, 2);
    expect(psp.swapOut({ ...command, context: 0x600 })).toBe(Status.INVALID_PAGE_OWNER);
  });

  it('refuses to make metadata pages of what is not firmware', () => {
    const { psp } = swapping();
    expect(psp.metadataInit(CONTEXT, 0x600)).toBe(Status.INVALID_PAGE_STATE);
    expect(psp.metadataInit(OTHER, SWAPPED)).toBe(Status.INVALID_GUEST);
    expect(psp.metadataInit(CONTEXT, -1)).toBe(Status.INVALID_ADDRESS);
  });
});
