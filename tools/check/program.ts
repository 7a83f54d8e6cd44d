/**
 * What a finished file says about itself, whichever kind it is: bytes at addresses, functions by name,
 * compartments. Nothing here comes from the compiler but through the file.
 *
 * Addresses are signed numbers of 32 bits, which hold every address of code and data: in an image
 * those of the top 2 GiB are negative.
 */
export interface Program {
  readonly kind: 'image' | 'executable';
  readonly memory: Memory;
  /** In ascending order of their addresses, which do not overlap. */
  readonly functions: readonly CodeFunction[];
  readonly compartments: readonly Compartment[];
  /** By address, instructions whose intercept raises #VC, with the exit code that they raise. */
  readonly intercepts: ReadonlyMap<number, number>;
  /** Places that no compiled code may write but as its rules say; with what they are. */
  readonly guarded: readonly Guarded[];
  /** Globals, tables and memories that one compartment offers to others. */
  readonly shared: ReadonlySet<number>;
  /** Functions that may be called from outside with anything in wide parameters. */
  readonly roots: readonly Root[];
  /** What was wrong with the file before any code was looked at. */
  readonly broken: readonly Violation[];
  /** What runs before the first of the functions; only images have it. */
  readonly shim: Shim | undefined;
}

/** What an image starts with: 32-bit code outside of all functions, at virtual = physical. */
export interface Shim {
  /** Physical addresses at which a loader may enter it. */
  readonly entries: readonly number[];
  /** Its pages, physical. */
  readonly start: number;
  readonly end: number;
  /** The kernel's stack, physical, and the address of its end. */
  readonly stack: { readonly start: number; readonly end: number };
  readonly stackTop: number;
  /** Physical address of the page tables that the image starts with. */
  readonly root: number;
  /** What a physical address belongs to; undefined for what the shim may not write. */
  frameAt(physical: number): 'tables' | 'data' | undefined;
}

/** The rules that code of a compartment follows. */
export type CompartmentKind =
  /** Its memory is at r14. */
  | 'sandbox'
  /** Its memory is the low 4 GiB; may hold privileged instructions at listed sites. */
  | 'kernel'
  /** Assembled by hand: switches between the others. Only its instructions and jumps are looked at. */
  | 'stubs'
  /** What runs before the kernel: shim.ts. */
  | 'shim';

export interface Compartment {
  readonly name: string;
  readonly kind: CompartmentKind;
  /** What it must name itself by in calls to the kernel. */
  readonly number: number;
  /** Address of its memory's record, if it has a memory. */
  readonly record: number | undefined;
  /** Addresses of the kernel's functions that its manifest grants; undefined where there is none. */
  readonly grants?: ReadonlySet<number>;
  /** Bytes that its code must have touched below a frame from which it calls; undefined for none. */
  readonly stackInHand?: number;
}

export interface CodeFunction {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly compartment: Compartment;
}

/** A function that is entered from outside compiled code. */
export interface Root {
  readonly address: number;
  /** Bytes of the stack area that its caller provides. */
  readonly stackSize: number;
  /** Arguments that may hold more than 32 bits: registers by position, the others by distance from RSP. */
  readonly wide: { readonly registers: number; readonly stack: readonly number[] };
  /** Those that are no references to functions. */
  readonly plain: { readonly registers: number; readonly stack: readonly number[] };
}

export interface Guarded {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** A run of memory with one protection. */
export interface Segment {
  readonly start: number;
  readonly size: number;
  /** Zeros follow up to `size`. */
  readonly bytes: Uint8Array;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** A rule that the file breaks. `address`, `text` and `name` where it is about an instruction. */
export interface Violation {
  readonly rule: string;
  readonly address?: number;
  readonly text?: string;
  readonly name?: string;
}

/** Bytes by address. */
export class Memory {
  readonly segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.segments = segments.toSorted((a, b) => a.start - b.start);
  }

  /** The segment that holds all `size` bytes at `at`. */
  segmentAt(at: number, size = 1): Segment | undefined {
    return this.segments.find((s) => at >= s.start && at + size <= s.start + s.size);
  }

  /** What the file holds at `at`; undefined where it has no such memory. */
  read(at: number, size: number): Uint8Array | undefined {
    const segment = this.segmentAt(at, size);
    if (!segment) return undefined;
    const offset = at - segment.start;
    const stored = segment.bytes.subarray(offset, offset + size);
    if (stored.length === size) return stored;
    const bytes = new Uint8Array(size);
    bytes.set(stored);
    return bytes;
  }

  u32(at: number): number | undefined {
    const bytes = this.read(at, 4);
    return bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  /** The 64-bit number at `at` as an address of this program; undefined if it is none. */
  address(at: number): number | undefined {
    const bytes = this.read(at, 8);
    if (!bytes) return undefined;
    return addressOf(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  }
}

/** A 64-bit address as a signed one of 32 bits; undefined if it does not fit. */
export function addressOf(value: bigint): number | undefined {
  const narrow = BigInt.asIntN(32, value);
  return BigInt.asUintN(64, narrow) === value ? Number(narrow) : undefined;
}

/** An address as people write it. */
export function hex(address: number): string {
  return `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}`;
}

/** Sorts functions, and finds those that overlap. */
export function arrange(functions: readonly CodeFunction[]): {
  functions: CodeFunction[];
  broken: Violation[];
} {
  const sorted = functions.toSorted((a, b) => a.start - b.start);
  const broken = sorted.flatMap((each, i): Violation[] => {
    const next = sorted[i + 1];
    if (each.end > each.start && (next === undefined || each.end <= next.start)) return [];
    return [{ rule: 'functions overlap or are empty', address: each.start, name: each.name }];
  });
  return { functions: sorted, broken };
}
