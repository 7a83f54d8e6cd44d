import { CR0_PG, CR4_LA57, CR4_PAE } from '../../../spec/cpu.ts';
import { EFER_LMA } from '../../../spec/msr.ts';
import * as Pte from '../../../spec/paging.ts';
import type { Core } from '../core.ts';
import type { GuestMemory } from './guest-memory.ts';

export type Translation =
  | { readonly kind: 'address'; readonly gpa: bigint }
  | { readonly kind: 'fault'; readonly errorCode: number };

const ADDRESS = BigInt(Pte.ADDRESS_MASK);

/**
 * Guest physical address of `linear` by the tables of a guest that is not encrypted, as a
 * hypervisor walks them that does an instruction in the guest's place. APM2 §5.3.
 */
export function translate(core: Core, memory: GuestMemory, linear: bigint): Translation {
  const { cr0, cr3, cr4, efer } = core.state;
  const long = (efer & BigInt(EFER_LMA)) !== 0n;
  if ((cr0 & BigInt(CR0_PG)) === 0n) return { kind: 'address', gpa: linear & 0xffff_ffffn };
  if ((cr4 & BigInt(CR4_PAE)) === 0n || (cr4 & BigInt(CR4_LA57)) !== 0n) {
    throw new RangeError('string I/O with page tables of neither three nor four levels');
  }
  let table = cr3 & (long ? ADDRESS : 0xffff_ffe0n);
  for (let level = long ? 4 : 3; ; level--) {
    const shift = BigInt(level * 9 + 3);
    const bytes = memory.readGuest(table + (((linear >> shift) & 0x1ffn) << 3n), 8);
    const entry = bytes ? new DataView(bytes.buffer).getBigUint64(0, true) : 0n;
    if ((entry & BigInt(Pte.PRESENT)) === 0n) return { kind: 'fault', errorCode: 0 };
    const large = level > 1 && level < 4 && (entry & BigInt(Pte.PAGE_SIZE)) !== 0n;
    if (level === 1 || (large && (long || level < 3))) {
      const within = (1n << shift) - 1n;
      return { kind: 'address', gpa: (entry & ADDRESS & ~within) | (linear & within) };
    }
    table = entry & ADDRESS;
  }
}
