import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Random } from '../random.ts';
import { type GuestExit, ghcbOf } from './exits.ts';
import type { Subject } from './subject.ts';

/** A read of what the host can write, counted from the VMGEXIT before it. */
export interface SharedRead {
  /** 1 for the first. */
  readonly nth: number;
  readonly gpa: bigint;
  /** What the honest host had there. */
  readonly value: Uint8Array;
}

/** Reads that are longer (copies) are tried with so many bit flips. */
const LONGEST = 8;
const FLIPS_OF_LONG = 16;
/** Values that fields have in other answers. */
const OTHERS = [1n, 2n, 3n, 0x8000_0000n, 0x1_0000_0000n, 0x1_0000_0001n, 0x8000_0000_0000_0000n];

/** Sees the guest's accesses to what its host can write. */
export class SharedAccesses {
  readonly #subject: Subject;
  readonly #ghcb: bigint;
  /** Told of each access since the last {@link begin}; `nth` is 1 for the first. */
  seen: (nth: number, gpa: bigint, size: number, write: boolean) => void = () => {};

  constructor(subject: Subject, exits: readonly GuestExit[]) {
    this.#subject = subject;
    this.#ghcb = ghcbOf(exits);
  }

  /** Watches the pages that are shared now, and counts from here on. Snapshots made after this watch too. */
  begin(): void {
    const { memory, core, hypervisor } = this.#subject.machine;
    for (let gfn = 0; gfn < memory.pages; gfn++) {
      const frame = memory.frameOf(gfn);
      if (frame !== undefined) core.frames.watch(frame, this.#shared(BigInt(gfn * PAGE)));
    }
    let nth = 0;
    hypervisor.onAccess = (gpa, size, write) => this.seen(++nth, gpa, size, write);
  }

  /** Watches nothing any more. */
  end(): void {
    const { memory, core, hypervisor } = this.#subject.machine;
    hypervisor.onAccess = undefined;
    for (let gfn = 0; gfn < memory.pages; gfn++) {
      const frame = memory.frameOf(gfn);
      if (frame !== undefined) core.frames.watch(frame, false);
    }
  }

  #shared(gpa: bigint): boolean {
    const { mode, memory } = this.#subject.machine;
    return mode === 'snp' ? memory.writable(gpa) : gpa === this.#ghcb;
  }
}

/**
 * Runs `subject` on to the boundary `to` and lists the reads on the way. What exchanges or compares reads
 * too, and cannot be told from what only writes: in the doorbell page all accesses count as reads.
 */
export function listReads(subject: Subject, accesses: SharedAccesses, to: number): SharedRead[] {
  const { memory, hypervisor } = subject.machine;
  const list: SharedRead[] = [];
  const doorbell = hypervisor.interrupts.doorbell ?? -1n;
  accesses.begin();
  accesses.seen = (nth, gpa, size, write) => {
    if (write && gpa - (gpa % BigInt(PAGE)) !== doorbell) return;
    list.push({ nth, gpa, value: memory.readGuest(gpa, size) ?? new Uint8Array(size) });
  };
  subject.runTo(to);
  accesses.end();
  return list;
}

/** What a host could have the guest read instead of `value`: bit flips, none set, all set, other valid ones. */
export function hostileValues(value: Uint8Array, next: Random): Uint8Array[] {
  const flip = (bit: number) => {
    const bytes = value.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  };
  const bits = value.length * 8;
  const same = [new Uint8Array(value.length), new Uint8Array(value.length).fill(0xff)];
  if (value.length > LONGEST) {
    const flips = Array.from({ length: FLIPS_OF_LONG }, () => flip(next() % bits));
    return [...same, ...flips];
  }
  const flips = Array.from({ length: bits }, (_, bit) => flip(bit));
  const number = littleEndian(value);
  const others = [...OTHERS, number + 1n, number - 1n].map((other) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, other), true);
    return bytes.slice(0, value.length);
  });
  return [...same, ...flips, ...others];
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
