import * as Rmp from '../../../spec/rmp.ts';
import type { FrameTable, RmpEntry } from '../core.ts';

const FRAMES_2M = 512;

/** What RMPUPDATE is to make of an entry. APM3 RMPUPDATE. */
export interface RmpUpdate {
  readonly assigned: boolean;
  readonly huge: boolean;
  readonly immutable: boolean;
  readonly asid: number;
  /** Guest frame number. */
  readonly gfn: number;
}

/** The state that gives a page back to the hypervisor. */
export function hypervisorOwned(huge: boolean): RmpUpdate {
  return { assigned: false, huge, immutable: false, asid: 0, gfn: 0 };
}

/** The entry that speaks for a frame: that of the 2 MiB page it lies in, where there is one. */
export function entryFor(frames: FrameTable, frame: number): RmpEntry {
  const head = frames.rmp(frame - (frame % FRAMES_2M));
  return head.assigned && head.huge ? head : frames.rmp(frame);
}

/**
 * RMPUPDATE on `frame`, as a host executes it; the answer is its return code. `inUse` tells of
 * VMSAs that a vCPU is in the guest with. APM3 RMPUPDATE, APM2 §15.36.5.
 */
export function rmpUpdate(
  frames: FrameTable,
  frame: number,
  update: RmpUpdate,
  inUse: (frame: number) => boolean = () => false,
): number {
  const count = update.huge ? FRAMES_2M : 1;
  if (frame < 0 || frame + count > frames.count) return Rmp.FAIL_INPUT;
  if (update.huge && (frame % FRAMES_2M !== 0 || update.gfn % FRAMES_2M !== 0)) {
    return Rmp.FAIL_INPUT;
  }
  if (!update.assigned && (update.asid !== 0 || update.gfn !== 0)) return Rmp.FAIL_INPUT;
  if (update.assigned && update.asid === 0 && !update.immutable) return Rmp.FAIL_INPUT;
  const current = entryFor(frames, frame);
  if (current.immutable) return Rmp.FAIL_PERMISSION;
  for (let i = 0; i < count; i++) if (inUse(frame + i)) return Rmp.FAIL_INUSE;
  const hugeNow = current.assigned && current.huge;
  if (update.huge ? !hugeNow && anyAssigned(frames, frame) : hugeNow) return Rmp.FAIL_OVERLAP;
  if (sealsOnly(current, update)) {
    frames.setRmp(frame, { ...current, immutable: true });
    return Rmp.OK;
  }
  if (update.assigned && !current.assigned) frames.clearWritten(frame, count);
  frames.setRmp(frame, {
    ...update,
    huge: update.assigned && update.huge,
    vmsa: false,
    validated: false,
    permissions: update.assigned ? [Rmp.ALL, 0, 0, 0] : [0, 0, 0, 0],
  });
  return Rmp.OK;
}

/**
 * Whether `update` does no more to a guest's page than to make it immutable, for the AMD-SP to swap it: from
 * Guest-Valid to Pre-Swap, where it stays validated. SNP, page states.
 */
function sealsOnly(current: RmpEntry, update: RmpUpdate): boolean {
  const { assigned, huge, asid, gfn } = update;
  const same =
    assigned === current.assigned &&
    huge === current.huge &&
    asid === current.asid &&
    gfn === current.gfn;
  return same && assigned && asid !== 0 && update.immutable;
}

/** PSMASH: makes of a guest's 2 MiB entry 512 entries of 4 KiB with the same rights. APM3 PSMASH. */
export function psmash(frames: FrameTable, frame: number): number {
  if (frame < 0 || frame % FRAMES_2M !== 0 || frame + FRAMES_2M > frames.count) {
    return Rmp.FAIL_INPUT;
  }
  const entry = frames.rmp(frame);
  if (!entry.assigned || !entry.huge || entry.immutable) return Rmp.FAIL_BAD_PAGE;
  for (let i = 0; i < FRAMES_2M; i++) {
    frames.setRmp(frame + i, { ...entry, huge: false, gfn: entry.gfn + i });
  }
  return Rmp.OK;
}

function anyAssigned(frames: FrameTable, first: number): boolean {
  for (let i = 0; i < FRAMES_2M; i++) if (frames.assigned(first + i)) return true;
  return false;
}
