/**
 * Proof that the C-bit encrypts. The shim has shown that what it wrote with paging off, which is
 * always encrypted, reads back through C=1; this shows the other half: that it does not read back
 * through C=0. A host that lied about the position fails one of the two.
 *
 * Not under SNP: there the AMD-SP vouches for the position (kernel/sev/cpuid.ts), and a C=0 access to
 * a private page would make a host like KVM take it away.
 */

import { C_BIT_WRONG, NO_RANDOM } from '../../spec/abi/termination.ts';
import { clflush, load64, mfence, rdrand64 } from '../cpu.ts';
import { map, READ, SHARED, unmap } from '../mm/paging.ts';
import { reserveWindow } from '../mm/window.ts';
import { panic } from '../panic.ts';

/** A page of its own: nothing else of ours may lie beside it in the clear. */
const page: usize = memory.data(4096, 4096);

/** Tries in a row that RDRAND may fail. APM3, RDRAND. */
const PATIENCE: u32 = 32;

export function proveEncryption(): void {
  draw(page);
  draw(page + 8);
  clflush(page);
  mfence();
  const alias = reserveWindow(1);
  map(alias, page, READ | SHARED);
  const low = load64(alias);
  const high = load64(alias + 8);
  clflush(alias);
  unmap(alias);
  if (low === load<u64>(page) && high === load<u64>(page + 8)) panic(C_BIT_WRONG);
}

function draw(to: usize): void {
  for (let i: u32 = 0; i < PATIENCE; i++) if (rdrand64(to) !== 0) return;
  panic(NO_RANDOM);
}
