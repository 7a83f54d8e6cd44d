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
  /** Filled by validate. */
  readonly facts: Facts;
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
  readonly facts: BodyFacts;
}

/** What a function body turns out to have in it when it is validated. */
export interface BodyFacts {
  hasLoops: boolean;
  hasTailCalls: boolean;
  callsOfItself: number;
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

/** An instruction that stands alone in a constant expression. */
export type ConstantLeaf = Declared &
  (
    | { readonly kind: 'i32' | 'i64' | 'f32' | 'f64' | 'v128'; readonly bits: bigint }
    | { readonly kind: 'global'; readonly index: number }
    | { readonly kind: 'function'; readonly index: number }
    | { readonly kind: 'null'; readonly type: ValueType }
  );

/** One of the extended constant expressions' operations, or (invalid) any other instruction. */
export type ConstantOperation = Declared & { readonly kind: 'operation'; readonly op: number };

/** What could not be evaluated yet: it depends on imported globals, or is invalid. */
export type ConstantSequence = Declared & {
  readonly kind: 'sequence';
  readonly instructions: readonly (ConstantLeaf | ConstantOperation)[];
};

export type ConstantExpression = ConstantLeaf | ConstantSequence;

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

/** What function bodies do that the code of other functions and the data depend on. */
export interface Facts {
  /** Indices of tables with a table.grow. */
  readonly grownTables: Set<number>;
  hasTailCalls: boolean;
  /** Functions that a ref.func names. */
  readonly references: Set<number>;
}

/** Pages of 64 KiB in 4 GiB. */
export const MAX_PAGES = 65536;

/** The type of a function of the module. */
export function functionType(module: Module, index: number): FunctionType {
  const entry = module.functions[index];
  if (!entry) throw new RangeError(`function ${index} of ${module.functions.length}`);
  return module.types[entry.typeIndex] as FunctionType;
}

/** Functions that occur outside of bodies other than as start function: ref.func may name them. */
export function referableFunctions({ elements, globals, exports }: Module): Set<number> {
  const constants = [...elements.flatMap(({ items }) => items), ...globals.map(({ init }) => init)];
  return new Set([
    ...constants.flatMap((constant) => (constant?.kind === 'function' ? [constant.index] : [])),
    ...exports.flatMap(({ kind, index }) => (kind === 'function' ? [index] : [])),
  ]);
}
