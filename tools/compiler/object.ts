/**
 * What the compiler makes of one Wasm module, for the linkers (image and linux).
 *
 * A module compiled under the instance name I defines these symbols:
 *
 *   I!NAME          a function (its name from the name section, made unique, or `f123`)
 *   I!NAME.outer    the same, to be called from an instance with another memory (option `linked`)
 *   I!memory        {@link MemoryRecord} in data, mode basereg only
 *   I!global.N      a global's cell in data: 8 bytes, 16 for a v128
 *   I!table.N       a table's descriptor in data: {@link TABLE_DESCRIPTOR}
 *   I!table.N.entries   its entries (data, or rodata where nothing can write it), 16 bytes each:
 *                   { code u64, type number u32, address of the function's record i32 }, or of an
 *                   externref { value u64, 0 u64 }; a null reference is all zeros
 *   I!NAME.record   a function's record in rodata, laid out as a table entry (a funcref is its address)
 *   I!instance.start  what must run once before any export: what of the initialization could not be
 *                   done statically, then the module's start function
 *
 * and may refer to these, which the linker defines:
 *
 *   I!memory_grow   (pages u32 in EDI) -> previous pages or -1 in EAX; updates I!memory.pages
 *   I!table_grow    (address of a descriptor in RDI, capacity wanted u32 in ESI) -> 0 in EAX when the
 *                   entries have moved to where there is room for so many (zeros), else -1
 *   type!SIGNATURE  a number, the same in all objects of one link: {@link typeNumbers}
 *   whatever an import was bound to
 *
 * All of text, rodata and data lie within 2 GiB and below 2 GiB or in the top 2 GiB of the address
 * space, so that a sign-extended 32-bit number holds any of their addresses.
 */

export type SectionName = 'text' | 'rodata' | 'data';

export interface Section {
  readonly bytes: Uint8Array;
  /** A power of two. */
  readonly align: number;
}

export interface ObjectSymbol {
  readonly name: string;
  readonly section: SectionName;
  readonly offset: number;
  readonly size: number;
  readonly kind: 'function' | 'object';
}

/** As in the psABI: rel32 is S+A-P, the others S+A in 64 bits, 32 zero- and 32 sign-extended bits. */
export type RelocationKind = 'rel32' | 'abs64' | 'abs32' | 'abs32s';

export interface ObjectRelocation {
  readonly section: SectionName;
  readonly offset: number;
  readonly kind: RelocationKind;
  readonly symbol: string;
  readonly addend: number;
}

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref';

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface Limits {
  readonly min: number;
  readonly max: number | undefined;
}

/** An import or export of a module, with its type. */
export type ExternType =
  | { readonly kind: 'function'; readonly type: FunctionType }
  | { readonly kind: 'table'; readonly element: ValueType; readonly limits: Limits }
  | { readonly kind: 'memory'; readonly limits: Limits; readonly shared: boolean }
  | { readonly kind: 'global'; readonly type: ValueType; readonly mutable: boolean };

export type ObjectImport = { readonly module: string; readonly name: string } & ExternType;

/** Of a function: its code; of a global its cell, a table its descriptor, a memory its record. */
export type ObjectExport = ExternType & { readonly symbol: string };

/** How the linker meets an import. */
export type Binding =
  /** One of the instruction-like imports of tools/compiler/x86/intrinsics.ts, by its name there. */
  | { readonly kind: 'intrinsic'; readonly name: string }
  /**
   * Function: a direct call, `leading` constants first. Global, table, memory: the exporter's.
   * `foreign`: the callee may leave another base in r14 (it is an `.outer` symbol).
   */
  | {
      readonly kind: 'symbol';
      readonly symbol: string;
      readonly leading?: readonly { readonly type: 'i32' | 'i64'; readonly value: bigint }[];
      readonly foreign?: boolean;
    }
  /** A function () -> i64 that returns the address of the symbol. */
  | { readonly kind: 'address'; readonly symbol: string };

/** In the words of the specification's tests. */
export type TrapReason =
  | 'unreachable'
  | 'integer divide by zero'
  | 'integer overflow'
  | 'invalid conversion to integer'
  | 'out of bounds memory access'
  | 'out of bounds table access'
  | 'undefined element'
  | 'uninitialized element'
  | 'indirect call type mismatch'
  | 'unaligned atomic'
  | 'expected shared memory';

/** A function's code: text offsets of its first byte and of the first byte after it. */
export interface ObjectFunction {
  readonly symbol: string;
  /** Index in the module's function index space (an import's for what calls it); -1 for helpers. */
  readonly index: number;
  readonly start: number;
  readonly end: number;
  /** Bytes from RSP, anywhere after the prologue, up to the return address. */
  readonly frameSize: number;
  /** Text offset where the prologue ends and frameSize begins to hold. */
  readonly bodyStart: number;
}

/** A `ud2`. A page fault of any other instruction in text is an access out of bounds, or stack exhaustion. */
export interface TrapSite {
  readonly offset: number;
  readonly reason: TrapReason;
  readonly wasmOffset: number;
}

export interface CallSite {
  /** Text offset of the instruction after the call: the return address. */
  readonly offset: number;
  readonly wasmOffset: number;
}

/** An instruction whose intercept raises #VC; `exitCode` as in APM2 appendix C. */
export interface InterceptSite {
  readonly offset: number;
  readonly exitCode: number;
}

/**
 * What text was made from: pairs of an offset in it, ascending, from which on (until the next pair's) it was
 * made from the Wasm instruction at the other number. There is one for nearly each instruction.
 */
export type Lines = Int32Array;

/** A data segment at a constant offset, in bounds: part of the memory's first contents. */
export interface MemorySegment {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface ObjectMemory {
  /** `I!memory`, or what the import was bound to; undefined in mode base0. */
  readonly symbol: string | undefined;
  readonly imported: boolean;
  readonly shared: boolean;
  readonly minPages: number;
  readonly maxPages: number;
  readonly segments: readonly MemorySegment[];
}

/** A table's descriptor: entries' address u64 at 0, size u32 at 8, capacity u32 at 12, maximum u32 at 16. */
export const TABLE_DESCRIPTOR = { entries: 0, size: 8, capacity: 12, max: 16, bytes: 24 } as const;

/** A table's entry and a function's record: code u64 at 0, type number u32 at 8, record i32 at 12. */
export const TABLE_ENTRY = { code: 0, type: 8, record: 12, bytes: 16 } as const;

export interface WasmObject {
  readonly instance: string;
  readonly sections: Readonly<Record<SectionName, Section>>;
  readonly symbols: readonly ObjectSymbol[];
  readonly relocations: readonly ObjectRelocation[];
  readonly imports: readonly ObjectImport[];
  readonly exports: ReadonlyMap<string, ObjectExport>;
  /** Sorted by `start`. */
  readonly functions: readonly ObjectFunction[];
  readonly traps: readonly TrapSite[];
  readonly calls: readonly CallSite[];
  readonly intercepts: readonly InterceptSite[];
  readonly lines: Lines;
  readonly memory: ObjectMemory | undefined;
  /** To be called once before any export: `I!instance.start` or the module's start function. */
  readonly start: string | undefined;
  /** The `sourceMappingURL` custom section's text. */
  readonly sourceMapUrl: string | undefined;
}

const TYPE_PREFIX = 'type!';

/** The symbol that stands for a function type's number: equal for equal types only. */
export function typeSymbol(type: FunctionType): string {
  return `${TYPE_PREFIX}(${type.params.join(',')})->(${type.results.join(',')})`;
}

/**
 * The numbers of all function types that the objects of one link refer to: 1, 2, … in order of
 * first appearance. 0 is no type: an empty table entry has it.
 */
export function typeNumbers(objects: readonly WasmObject[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { relocations } of objects) {
    for (const { symbol } of relocations) {
      if (symbol.startsWith(TYPE_PREFIX) && !numbers.has(symbol)) {
        numbers.set(symbol, numbers.size + 1);
      }
    }
  }
  return numbers;
}
