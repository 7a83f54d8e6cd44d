/** What the linker's tables say about a place in the text. Places are distances from TOP. */

import { FunctionEntry, InterceptSite, LineEntry, TrapSite } from '../../spec/abi/handoff.ts';
import { writeByte, writeDecimal, writeText } from '../console.ts';
import { copy, load8, load32 } from '../cpu.ts';
import { imageInfo, TOP } from '../handoff.ts';

export const NO_ENTRY: u32 = 0xffff_ffff;

const functionCopy: usize = memory.data(16, 4);
const lineCopy: usize = memory.data(8, 4);

/** An address as a place; NO_ENTRY if it is not in the top 2 GiB. */
export function placeOf(va: u64): u32 {
  return va < TOP ? NO_ENTRY : u32(va - TOP);
}

/** The function whose code `place` is in, good until the next call; null if it is in none. */
export function functionAt(place: u32): FunctionEntry | null {
  const info = imageInfo();
  const i = lastUpTo(info.functions, u32(FunctionEntry.SIZE), info.functionCount, place);
  if (i === NO_ENTRY) return null;
  copy(functionCopy, info.functions + u64(i) * FunctionEntry.SIZE, FunctionEntry.SIZE);
  const entry = changetype<FunctionEntry>(functionCopy);
  return place < entry.end ? entry : null;
}

/** Why the instruction at `place` traps (spec/abi/trap-reason.ts); 0 if it is no trap's. */
export function trapReasonAt(place: u32): u32 {
  const info = imageInfo();
  return exact(info.traps, info.trapCount, u32(TrapSite.SIZE), place);
}

/** The exit code with which the instruction at `place` raises #VC; 0 if it should never raise one. */
export function interceptAt(place: u32): u32 {
  const info = imageInfo();
  return exact(info.intercepts, info.interceptCount, u32(InterceptSite.SIZE), place);
}

/** Writes `before` and then `FILE:LINE` of `place`; nothing if the tables do not know it. */
export function writeLocation(before: string, place: u32): void {
  const info = imageInfo();
  const entry = functionAt(place);
  if (entry === null) return;
  let i = lastUpTo(info.lines, u32(LineEntry.SIZE), info.lineCount, place);
  // A function's first instructions have no line of their own: its first line stands for them.
  if (i === NO_ENTRY || lineAt(i).place < entry.start) i++;
  if (i >= info.lineCount || lineAt(i).place >= entry.end) return;
  const line = lineAt(i);
  if (u32(line.file) >= info.fileCount) return;
  writeText(before);
  writeString(load32(info.files + (u64(line.file) << 2)));
  writeText(':');
  writeDecimal(u32(line.line));
}

/** Entry `i` of the line table, good until the next call. */
function lineAt(i: u32): LineEntry {
  copy(lineCopy, imageInfo().lines + u64(i) * LineEntry.SIZE, LineEntry.SIZE);
  return changetype<LineEntry>(lineCopy);
}

/** Writes the name of the string table's entry at `offset`. */
export function writeString(offset: u32): void {
  let p = imageInfo().strings + u64(offset);
  for (let byte = load8(p); byte !== 0; byte = load8(++p)) writeByte(u8(byte));
}

/** Whether the string at `offset` starts with `prefix`. */
export function stringStartsWith(offset: u32, prefix: string): bool {
  const p = imageInfo().strings + u64(offset);
  for (let i = 0; i < prefix.length; i++) {
    const unit = load<u16>(changetype<usize>(prefix) + ((<usize>i) << 1));
    if (load8(p + u64(i)) !== u32(unit)) return false;
  }
  return true;
}

/** Index of the last entry whose first field is at most `place`: the tables are sorted by it. */
function lastUpTo(table: u64, size: u32, count: u32, place: u32): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load32(table + u64(middle) * u64(size)) <= place) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? NO_ENTRY : low - 1;
}

/** Second field of the entry whose first is `place`; 0 if there is none. */
function exact(table: u64, count: u32, size: u32, place: u32): u32 {
  const i = lastUpTo(table, size, count, place);
  if (i === NO_ENTRY) return 0;
  const entry = table + u64(i) * u64(size);
  return load32(entry) === place ? load32(entry + 4) : 0;
}
