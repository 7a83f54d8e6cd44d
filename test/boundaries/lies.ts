/** What a host answers instead of the truth, as fast-check makes it up and shrinks it. */
import fc from 'fast-check';
import { HvDoorbell } from '../../spec/layouts/doorbell.ts';
import { Ghcb, PscHeader } from '../../spec/layouts/ghcb.ts';
import type { GuestMemory } from '../../tools/emulator/hypervisor/guest-memory.ts';

/** A change of 64 bits somewhere: to `value`, or by it. */
export interface WordEdit {
  readonly offset: number;
  readonly flip: boolean;
  readonly value: bigint;
}

/** An answer to a VMGEXIT that is changed in the GHCB page and in its MSR. */
export interface ReplyLie {
  readonly edits: readonly WordEdit[];
  readonly msr: Omit<WordEdit, 'offset'> | undefined;
}

/** What a host does with one page-state change: how many entries of it, and what it says about that. */
export interface BatchLie {
  /** Most entries that are really done. */
  readonly entries: number;
  readonly header: {
    current?: number | undefined;
    end?: number | undefined;
    reserved?: number | undefined;
  };
  /** SW_EXITINFO2. */
  readonly info2: bigint | undefined;
}

/** What a host puts into the doorbell page, and whether it signals that. */
export interface DoorbellLie {
  readonly pending: number;
  readonly noEoi: number;
  readonly rest: readonly { readonly offset: number; readonly byte: number }[];
  readonly signal: boolean;
  /** Instructions that the guest executes before. */
  readonly after: number;
}

const { fields: GHCB } = Ghcb;
const BUFFER = GHCB.sharedBuffer.offset;
/** What the guest reads of an answer, and what it must not read. */
const FIELDS = [
  GHCB.validLow,
  GHCB.validHigh,
  GHCB.swExitInfo1,
  GHCB.swExitInfo2,
  GHCB.rax,
  GHCB.rbx,
  GHCB.rcx,
  GHCB.rdx,
  GHCB.swExitCode,
  GHCB.swScratch,
  GHCB.sharedBuffer,
].map(({ offset }) => offset);
const LAST_WORD = Ghcb.size - 8;

const word: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.nat(63).map((bit) => 1n << BigInt(bit)),
  fc.nat(0x100).map(BigInt),
  fc.nat(0x100).map((high) => BigInt(high) << 32n),
  fc.constant(0xffff_ffff_ffff_ffffn),
);
const edit: fc.Arbitrary<WordEdit> = fc.record({
  offset: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...FIELDS) },
    { weight: 1, arbitrary: fc.nat(LAST_WORD) },
  ),
  flip: fc.boolean(),
  value: word,
});

export const replies: fc.Arbitrary<ReplyLie> = fc.record({
  edits: fc.array(edit, { maxLength: 5 }),
  msr: fc.option(fc.record({ flip: fc.boolean(), value: word }), { nil: undefined, freq: 2 }),
});

const half = fc.option(fc.oneof(fc.nat(0x100), fc.nat(0xffff)), { nil: undefined, freq: 2 });
export const batches: fc.Arbitrary<readonly BatchLie[]> = fc.array(
  fc.record({
    entries: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(4), fc.nat(253)),
    header: fc.record({
      current: half,
      end: half,
      reserved: fc.option(fc.nat(0xffff_ffff), { nil: undefined, freq: 2 }),
    }),
    info2: fc.option(word, { nil: undefined, freq: 2 }),
  }),
  { minLength: 1, maxLength: 4 },
);

const byte = fc.nat(0xff);
export const doorbells: fc.Arbitrary<readonly DoorbellLie[]> = fc.array(
  fc.record({
    pending: fc.oneof(
      fc.nat(0xffff),
      fc.constantFrom(0, 0x40, 0x8040, 0xff, 0x80ff, 0x8000, 0x100),
    ),
    noEoi: byte,
    rest: fc.array(fc.record({ offset: fc.integer({ min: 3, max: HvDoorbell.size - 1 }), byte }), {
      maxLength: 3,
    }),
    signal: fc.boolean(),
    after: fc.nat(600),
  }),
  { minLength: 1, maxLength: 3 },
);

/** Makes the changes of `edits` in the page at `page`. */
export function tellReply(memory: GuestMemory, page: bigint, edits: readonly WordEdit[]): void {
  for (const { offset, flip, value } of edits) {
    const bytes = memory.readGuest(page + BigInt(offset), 8) ?? new Uint8Array(8);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setBigUint64(0, flip ? view.getBigUint64(0, true) ^ value : value, true);
    memory.writeGuest(page + BigInt(offset), bytes);
  }
}

/** Says of a page-state change, in the GHCB at `page`, what `lie` wants said. */
export function tellBatch(memory: GuestMemory, page: bigint, { header, info2 }: BatchLie): void {
  const put = (offset: number, size: 2 | 4 | 8, value: bigint) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    memory.writeGuest(page + BigInt(offset), bytes.subarray(0, size));
  };
  const { currentEntry, endEntry } = PscHeader.fields;
  if (header.current !== undefined) put(BUFFER + currentEntry.offset, 2, BigInt(header.current));
  if (header.end !== undefined) put(BUFFER + endEntry.offset, 2, BigInt(header.end));
  if (header.reserved !== undefined) put(BUFFER + RESERVED, 4, BigInt(header.reserved));
  if (info2 !== undefined) put(GHCB.swExitInfo2.offset, 8, info2);
}

/** Reserved bytes of a batch's header. GHCB §4.1.6. */
const RESERVED = 4;

/** Fills the doorbell page at `page`. */
export function tellDoorbell(memory: GuestMemory, page: bigint, lie: DoorbellLie): void {
  const { pending, noEoi, rest } = lie;
  memory.writeGuest(page, Uint8Array.of(pending & 0xff, pending >> 8, noEoi));
  for (const { offset, byte } of rest)
    memory.writeGuest(page + BigInt(offset), Uint8Array.of(byte));
}
