/** The code page of an address that is to be executed, with the checks of a fetch. */
import { RFLAGS_VM } from '../../../../spec/cpu';
import { canonical, longMode } from './access';
import { EXECUTE } from './access-kind';
import { codePage } from './code';
import * as Cpu from './cpu';
import { missing, raiseGp } from './fault';
import { frame, translate } from './paging';
import { executeEntryOf, fillExecute, PAGE_MASK } from './tlb';

export const MODE_32: u32 = 0;
export const MODE_64: u32 = 1;

const MISSING_16_BIT: u32 = 1;
const MISSING_VIRTUAL_8086: u32 = 8;
const MISSING_CODE_BASE: u32 = 10;

/** Attributes of a code segment in SegmentState: L, D. */
const LONG: u32 = 0x200;
const DEFAULT_32: u32 = 0x400;

/** The code page that `linear` is in, 0 if it cannot be fetched from: a fault or exit is pending. */
export function fetchPage(linear: u64): usize {
  const entry = executeEntryOf(linear);
  if (load<u64>(entry) === (linear & PAGE_MASK)) return load<u32>(entry, 8);
  const attributes: u32 = load<u16>(Cpu.CS_ATTRIBUTES);
  const long = longMode() && (attributes & LONG) !== 0;
  if (!long && (attributes & DEFAULT_32) === 0) {
    missing(MISSING_16_BIT);
    return 0;
  }
  if (!long && load<u64>(Cpu.CS_BASE) !== 0) {
    missing(MISSING_CODE_BASE);
    return 0;
  }
  if ((load<u32>(Cpu.RFLAGS) & RFLAGS_VM) !== 0) {
    missing(MISSING_VIRTUAL_8086);
    return 0;
  }
  if (!canonical(linear)) {
    raiseGp(0);
    return 0;
  }
  if (!translate(linear, EXECUTE, load<u8>(Cpu.CPL) === 3)) return 0;
  const page = codePage(linear & PAGE_MASK, frame, long ? MODE_64 : MODE_32);
  fillExecute(linear, page);
  return page;
}
