import type { FunctionType, Limits, ObjectImport, ValueType } from '../object.ts';

/** A decoded and (after validate) valid module. Indices are those of the binary format. */
export interface Module {
  readonly bytes: Uint8Array;
  readonly types: readonly FunctionType[];
  readonly imports: readonly ObjectImport[];
  readonly functions: readonly FunctionEntry[];
  readonly tables: readonly TableEntry[];
  readonly memories: readonly MemoryEntry[];
  readonly globals: readonly GlobalEntry[];
  readonly exports: readonly ExportEntry[];
  readonly start: { readonly index: number; readonly offset: number } | undefined;
  readonly elements: readonly ElementSegment[];
  readonly data: readonly DataSegment[];
  readonly dataCount: number | undefined;
  readonly functionNames: ReadonlyMap<number, string>;
  readonly sourceMapUrl: string | undefined;
}

/** Where in the module an entry was declared, for errors. */
interface Declared {
  readonly offset: number;
}

export interface FunctionEntry extends Declared {
  readonly typeIndex: number;
  /** Position in Module.imports, or undefined for a function with a body. */
  readonly importIndex: number | undefined;
  readonly body: FunctionBody | undefined;
}

export interface FunctionBody {
  /** Offsets of the first instruction and of what follows the last `end`. */
  readonly start: number;
  readonly end: number;
  /** Types of the locals that are not parameters. */
  readonly locals: readonly ValueType[];
}

export interface TableEntry extends Declared {
  readonly element: ValueType;
  readonly limits: Limits;
  readonly importIndex: number | undefined;
}

export interface MemoryEntry extends Declared {
  readonly limits: Limits;
  readonly shared: boolean;
  readonly importIndex: number | undefined;
}

export interface GlobalEntry extends Declared {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly importIndex: number | undefined;
  readonly init: ConstantExpression | undefined;
}

export type ExternKind = 'function' | 'table' | 'memory' | 'global';

export interface ExportEntry extends Declared {
  readonly name: string;
  readonly kind: ExternKind;
  readonly index: number;
}

/** A constant expression of MVP form: a single instruction. */
export type ConstantExpression = Declared &
  (
    | { readonly kind: 'i32' | 'i64' | 'f32' | 'f64'; readonly bits: bigint }
    | { readonly kind: 'global'; readonly index: number }
    | { readonly kind: 'function'; readonly index: number }
    | { readonly kind: 'null'; readonly type: ValueType }
  );

export type SegmentMode<Index extends string> =
  | ({ readonly kind: 'active'; readonly at: ConstantExpression } & Record<Index, number>)
  | { readonly kind: 'passive' }
  | { readonly kind: 'declarative' };

export interface ElementSegment extends Declared {
  readonly type: ValueType;
  readonly mode: SegmentMode<'table'>;
  readonly items: readonly ConstantExpression[];
}

export interface DataSegment extends Declared {
  readonly mode: SegmentMode<'memory'>;
  readonly bytes: Uint8Array;
}

/** Pages of 64 KiB in 4 GiB. */
export const MAX_PAGES = 65536;

/** The type of a function of the module. */
export function functionType(module: Module, index: number): FunctionType {
  const entry = module.functions[index];
  if (!entry) throw new RangeError(`function ${index} of ${module.functions.length}`);
  return module.types[entry.typeIndex] as FunctionType;
}

/** Number of imported functions, which come first in the index space. */
export function importedFunctions(module: Module): number {
  return module.imports.reduce((n, { kind }) => n + (kind === 'function' ? 1 : 0), 0);
}
