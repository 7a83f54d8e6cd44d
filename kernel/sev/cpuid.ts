/**
 * CPUID under SNP: the page that the AMD-SP checked, and nothing else. Copied once into the
 * kernel's memory, then checked. SNP §8.17.2.6; use: GHCB §8, spec of the page: SNP §7.1.
 */

import { C_BIT_WRONG, CPUID_LEAF_MISSING, CPUID_PAGE_BAD } from '../../spec/abi/termination.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import { CpuidFunction, CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { copy } from '../cpu.ts';
import { bootRecord, imageInfo, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';

const table: usize = memory.data(4096, 8);
const MAX_FUNCTIONS: u32 = 64;
/** The legacy region and header that each XSAVE area begins with. */
const XSAVE_LEGACY: u32 = 0x240;

/** Copies the CPUID page and ends the guest unless it is well formed and names the C-bit in use. */
export function receiveCpuidPage(): void {
  copy(table, TOP + u64(imageInfo().cpuidPage), CpuidPage.SIZE);
  const count = changetype<CpuidPage>(table).count;
  if (count === 0 || count > MAX_FUNCTIONS) panic(CPUID_PAGE_BAD);
  const encryption = requireFunction(Cpuid.LEAF_ENCRYPTED_MEMORY, 0);
  if ((encryption.ebx & Cpuid.EBX_C_BIT_MASK) !== bootRecord().cBit) panic(C_BIT_WRONG);
  if ((encryption.eax & Cpuid.EAX_SNP) === 0) panic(CPUID_PAGE_BAD);
  requireFunction(Cpuid.LEAF_FEATURES, 0);
  requireFunction(Cpuid.LEAF_EXTENDED, 0);
}

/** The entry for a leaf that has no subleaves, or for one subleaf; 0 if the page has none. */
export function cpuidFunction(leaf: u32, subleaf: u32): CpuidFunction | null {
  const page = changetype<CpuidPage>(table);
  const count = page.count;
  for (let i: u32 = 0; i < count; i++) {
    const entry = page.functions(i);
    if (entry.eaxIn !== leaf) continue;
    if (!hasSubleaves(leaf) || entry.ecxIn === subleaf) return entry;
  }
  return null;
}

/** Whether pages need their cache lines touched after validation. APM3 E.4.17, CVE-2025-38560. */
export function needsCacheTouch(): bool {
  const encryption = requireFunction(Cpuid.LEAF_ENCRYPTED_MEMORY, 0);
  return (encryption.ebx & Cpuid.EBX_COHERENCY_SFW_NO) === 0;
}

/**
 * Bytes that XSAVE needs for the components of `enabled`, as CPUID would say: the end of the last,
 * or, where the area is compacted, one behind the other. APM2 §11.5.2.
 */
export function xsaveSize(enabled: u64, compacted: bool): u32 {
  let size = XSAVE_LEGACY;
  for (let component: u32 = 2; component < 63; component++) {
    if (((enabled >> u64(component)) & 1) === 0) continue;
    const entry = cpuidFunction(Cpuid.LEAF_XSAVE, component);
    if (entry === null) continue;
    if (compacted) {
      if ((entry.ecx & Cpuid.ECX_XSAVE_ALIGNED) !== 0) size = (size + 63) & ~63;
      size += entry.eax;
    } else {
      size = max<u32>(size, entry.ebx + entry.eax);
    }
  }
  return size;
}

function requireFunction(leaf: u32, subleaf: u32): CpuidFunction {
  const entry = cpuidFunction(leaf, subleaf);
  if (entry === null) {
    panic(CPUID_LEAF_MISSING);
    return changetype<CpuidFunction>(table);
  }
  return entry;
}

/** Leaves whose answer depends on ECX; for the others the entry's ECX_IN means nothing. APM3 appendix E. */
function hasSubleaves(leaf: u32): bool {
  switch (leaf) {
    case 0x4:
    case 0x7:
    case 0xb:
    case 0xd:
    case 0xf:
    case 0x10:
    case 0x8000_001d:
    case 0x8000_0020:
    case 0x8000_0024:
    case 0x8000_0026:
      return true;
    default:
      return false;
  }
}
