import * as Injection from '../../../spec/event-injection.ts';
import * as Ghcb from '../../../spec/ghcb.ts';
import { Ghcb as Layout } from '../../../spec/layouts/ghcb.ts';
import { type GuestMemory, PAGE } from './guest-memory.ts';

const { cpl: CPL, validLow: BITMAP, version: VERSION, usage: USAGE } = Layout.fields;
/** Largest buffer outside of the page that protocol version 1 is granted, as by KVM. */
const OUTSIDE_BUFFER_MAX = 0x1_0000;

/** What the guest asks through its GHCB page, copied once, and what it will be told. GHCB §2.6. */
export class GhcbRequest {
  readonly gpa: bigint;
  readonly #memory: GuestMemory;
  readonly #page: Uint8Array;
  readonly #data: DataView;
  readonly #outputs = new Map<number, bigint>();
  #failed = false;

  /** `page` is a copy of the GHCB page at `gpa`, taken when the guest exited. */
  constructor(memory: GuestMemory, gpa: bigint, page: Uint8Array) {
    this.gpa = gpa;
    this.#memory = memory;
    this.#page = page;
    this.#data = new DataView(page.buffer, page.byteOffset, PAGE);
    this.succeed(0n);
  }

  get version(): number {
    return this.#data.getUint16(VERSION.offset, true);
  }

  get usage(): number {
    return this.#data.getUint32(USAGE.offset, true);
  }

  get code(): number {
    return Number(this.get(Ghcb.VALID_SW_EXITCODE) & 0xffff_ffffn);
  }

  get info1(): bigint {
    return this.get(Ghcb.VALID_SW_EXITINFO1);
  }

  get info2(): bigint {
    return this.get(Ghcb.VALID_SW_EXITINFO2);
  }

  /** Whether the answer is a failure already. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Whether the guest marked the field with valid bit `bit`. */
  has(bit: number): boolean {
    return (this.#data.getUint8(BITMAP.offset + (bit >> 3)) & (1 << (bit & 7))) !== 0;
  }

  /** The value of the field with valid bit `bit`, which is bit times eight into the page. */
  get(bit: number): bigint {
    if (bit === Ghcb.VALID_CPL) return BigInt(this.#data.getUint8(CPL.offset));
    return this.#data.getBigUint64(bit * 8, true);
  }

  /** Gives the guest `value` in the field with valid bit `bit`. */
  set(bit: number, value: bigint): void {
    this.#outputs.set(bit, BigInt.asUintN(64, value));
  }

  /** The event was served; `info2` is what it yields. */
  succeed(info2: bigint): void {
    this.#result(BigInt(Ghcb.RESULT_OK), info2);
    this.#failed = false;
  }

  /** The request was malformed for reason ERROR_* of spec/ghcb.ts. GHCB §4.1. */
  malformed(reason: number): void {
    this.#result(BigInt(Ghcb.RESULT_MALFORMED), BigInt(reason));
    this.#failed = true;
  }

  /** The guest is to raise exception `vector`, with an error code where one is given. GHCB §4.1. */
  exception(vector: number, errorCode?: number): void {
    const type = Injection.TYPE_EXCEPTION << Injection.TYPE_SHIFT;
    let event = BigInt(vector | type) | BigInt(Injection.VALID);
    if (errorCode !== undefined) {
      event |= BigInt(Injection.ERROR_VALID) | (BigInt(errorCode) << 32n);
    }
    this.#result(BigInt(Ghcb.RESULT_EXCEPTION), event);
    this.#failed = true;
  }

  /**
   * `size` bytes of the buffer that SW_SCRATCH points at, copied. Where it is not all in the page's
   * shared buffer (version 1: not in RAM), the request is malformed and the answer undefined.
   * GHCB §2.6.
   */
  readBuffer(size: number): Uint8Array | undefined {
    const offset = this.#offset(size);
    if (offset !== undefined) return this.#page.slice(offset, offset + size);
    const outside = this.#outside(size)
      ? this.#memory.readGuest(this.get(Ghcb.VALID_SW_SCRATCH), size)
      : undefined;
    if (!outside) this.malformed(Ghcb.ERROR_INVALID_SCRATCH);
    return outside;
  }

  /** Puts `bytes` where SW_SCRATCH points, as {@link readBuffer} finds it. False: malformed. */
  writeBuffer(bytes: Uint8Array): boolean {
    const inside = this.#offset(bytes.length) !== undefined;
    const scratch = this.get(Ghcb.VALID_SW_SCRATCH);
    const allowed = inside || this.#outside(bytes.length);
    if (allowed && this.#memory.writeGuest(scratch, bytes) === undefined) return true;
    this.malformed(Ghcb.ERROR_INVALID_SCRATCH);
    return false;
  }

  /** Writes the answer into the guest's page: the fields, and which of them are valid. */
  finish(): void {
    const bitmap = new Uint8Array(16);
    for (const [bit, value] of this.#outputs) {
      bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
      const word = new Uint8Array(8);
      new DataView(word.buffer).setBigUint64(0, value, true);
      this.#memory.writeGuest(this.gpa + BigInt(bit * 8), word);
    }
    this.#memory.writeGuest(this.gpa + BigInt(BITMAP.offset), bitmap);
  }

  #result(info1: bigint, info2: bigint): void {
    this.set(Ghcb.VALID_SW_EXITINFO1, info1);
    this.set(Ghcb.VALID_SW_EXITINFO2, info2);
  }

  /** Offset of the scratch buffer in the page, if it lies in the shared buffer. */
  #offset(size: number): number | undefined {
    const offset = this.get(Ghcb.VALID_SW_SCRATCH) - this.gpa;
    const end = Ghcb.SHARED_BUFFER + Ghcb.SHARED_BUFFER_SIZE;
    const inside = offset >= BigInt(Ghcb.SHARED_BUFFER) && offset + BigInt(size) <= BigInt(end);
    return inside ? Number(offset) : undefined;
  }

  #outside(size: number): boolean {
    const scratch = this.get(Ghcb.VALID_SW_SCRATCH);
    return this.version < 2 && scratch !== 0n && size <= OUTSIDE_BUFFER_MAX;
  }
}
