/** The checks of the reverse map table. APM2 §15.36.10, table 15-39. */
import * as Right from '../../../../spec/rmp';
import * as Region from '../memory-map';
import { EXECUTE, WRITE } from './access-kind';
import * as Control from './control';
import { isSnp } from './fault';
import { frameInfo, systemFrames } from './machine';

export const RMP_ALLOWED: u32 = 0;
export const RMP_NOT_VALIDATED: u32 = 1;
/** #VMEXIT(NPF); for lack of VMPL permission. */
export const RMP_DENIED: u32 = 2;
export const RMP_DENIED_VMPL: u32 = 3;

const GFN_MASK: u64 = 0x7f_ffff_ffff;
const ASID_MASK: u64 = 0x3ff;

/** The entry that speaks for a frame: that of the 2 MiB page it is in, where there is one. */
export function rmpEntry(frame: u32): usize {
  const first = frame & ~0x1ff;
  if (first < systemFrames) {
    const word = load<u64>(frameInfo(first), Region.FRAME_RMP);
    const both: u64 = Region.RMP_ASSIGNED | Region.RMP_HUGE;
    if ((word & both) === both) return frameInfo(first) + Region.FRAME_RMP;
  }
  return frameInfo(frame) + Region.FRAME_RMP;
}

/** Whether the entry is the guest's own for `gfn`: guest-owned, reverse map, mutable. */
export function ownsPage(entry: usize, frame: u32, gfn: u64): bool {
  const word = load<u64>(entry);
  const checks = ~load<u32>(Control.LIFTED);
  if ((checks & Region.LIFTED_OWNER) !== 0) {
    if ((word & Region.RMP_ASSIGNED) === 0 || (word & Region.RMP_IMMUTABLE) !== 0) return false;
    if (((word >> Region.RMP_ASID_SHIFT) & ASID_MASK) !== load<u32>(Control.ASID)) return false;
  }
  if ((checks & Region.LIFTED_REVERSE_MAP) === 0) return true;
  const within: u64 = (word & Region.RMP_HUGE) !== 0 ? <u64>(frame & 0x1ff) : 0;
  return ((word >> 12) & GFN_MASK) + within === gfn;
}

/** Whether one of the 512 pages from `first` on is not the hypervisor's: those of a nested page of 2 MiB. */
function anyAssigned(first: u32): bool {
  const last = min(first + 0x200, systemFrames);
  for (let frame = first; frame < last; frame++) {
    if ((load<u64>(frameInfo(frame), Region.FRAME_RMP) & Region.RMP_ASSIGNED) !== 0) return true;
  }
  return false;
}

/** Whether the guest may make this access to a frame as `gfn`, in the order of the table's rows. */
export function checkRmp(
  frame: u32,
  gfn: u64,
  huge: bool,
  access: u32,
  isPrivate: bool,
  table: bool,
  user: bool,
): u32 {
  const entry = rmpEntry(frame);
  const word = load<u64>(entry);
  const checks = ~load<u32>(Control.LIFTED);
  if (!isSnp() || !isPrivate) {
    if ((checks & Region.LIFTED_SHARED_WRITE) === 0) return RMP_ALLOWED;
    const writes = access === WRITE || (table && !isSnp());
    if (!writes) return RMP_ALLOWED;
    if ((word & Region.RMP_ASSIGNED) !== 0) return RMP_DENIED;
    return huge && anyAssigned(frame & ~0x1ff) ? RMP_DENIED : RMP_ALLOWED;
  }
  if (!ownsPage(entry, frame, gfn)) return RMP_DENIED;
  if (((word & Region.RMP_HUGE) !== 0) !== huge && (checks & Region.LIFTED_SIZE) !== 0) {
    return RMP_DENIED;
  }
  const validated = ((word >> Region.RMP_VALIDATED_SHIFT) & 1) !== 0;
  if (!validated && (checks & Region.LIFTED_VALIDATED) !== 0) return RMP_NOT_VALIDATED;
  if ((checks & Region.LIFTED_VMPL) === 0) return RMP_ALLOWED;
  let right = Right.READ;
  if (access === WRITE) right |= Right.WRITE;
  if (access === EXECUTE) right = user ? Right.EXECUTE_USER : Right.EXECUTE_SUPERVISOR;
  const mask: u32 = load<u8>(entry + 8 + load<u8>(Control.VMPL));
  return (mask & right) === right ? RMP_ALLOWED : RMP_DENIED_VMPL;
}
