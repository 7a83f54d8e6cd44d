/** Tables that outgrow the place that they have in the executable. */

import { copy } from './cpu.ts';
import { commit, reserve } from './system.ts';

/** log2 of the bytes of an entry. */
const ENTRY_SHIFT: u64 = 4;
/** More entries than this no table gets, whatever its maximum. */
const MOST_ENTRIES: u32 = 10_000_000;

/**
 * What table.grow calls: moves the entries of the table with this descriptor (tools/compiler/object.ts,
 * TABLE_DESCRIPTOR) to where there is room for `capacity` of them and some more. 0, or -1 when there are
 * too many or Linux has no room.
 */
export function growTable(descriptor: usize, capacity: u32): u32 {
  if (capacity > MOST_ENTRIES) return -1;
  const doubled = min<u32>(capacity * 2, MOST_ENTRIES);
  const bytes = (<u64>doubled) << ENTRY_SHIFT;
  const place = reserve(bytes);
  if (place < 0 || commit(<u64>place, bytes) < 0) return -1;
  copy(<u64>place, load<u64>(descriptor), (<u64>load<u32>(descriptor, 8)) << ENTRY_SHIFT);
  store<u64>(descriptor, <u64>place);
  store<u32>(descriptor, doubled, 12);
  return 0;
}
