import type { FunctionType, Limits, ObjectImport, ValueType } from '../object.ts';
import { readConstant } from './constant.ts';
import type {
  ConstantExpression,
  DataSegment,
  ElementSegment,
  ExportEntry,
  ExternKind,
  FunctionBody,
  FunctionEntry,
  GlobalEntry,
  MemoryEntry,
  Module,
  SegmentMode,
  TableEntry,
} from './module.ts';
import { readFunctionNames } from './names.ts';
import { malformed, Reader, unsupported } from './reader.ts';

const MAGIC = 0x6d736100;
const VERSION = 1;
/** As in the engines' common limit (https://webassembly.github.io/spec/js-api/#limits). */
const MAX_LOCALS = 50_000;

// biome-ignore format: a section a line
const Section = {
  CUSTOM: 0, TYPE: 1, IMPORT: 2, FUNCTION: 3, TABLE: 4, MEMORY: 5, GLOBAL: 6,
  EXPORT: 7, START: 8, ELEMENT: 9, CODE: 10, DATA: 11, DATA_COUNT: 12, TAG: 13,
} as const;

/** Order in which sections must come; DATA_COUNT stands before CODE. */
// biome-ignore format: as listed above
const ORDER = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

interface Sections {
  types: FunctionType[];
  imports: ObjectImport[];
  functions: FunctionEntry[];
  tables: TableEntry[];
  memories: MemoryEntry[];
  globals: GlobalEntry[];
  exports: ExportEntry[];
  start: Module['start'];
  elements: ElementSegment[];
  data: DataSegment[];
  dataCount: number | undefined;
  bodies: FunctionBody[];
  functionNames: ReadonlyMap<number, string>;
  sourceMapUrl: string | undefined;
}

/**
 * Decodes the sections of a module (Wasm 2.0 §5.5). Instructions in function bodies are left to
 * validation, which reads them anyway.
 *
 * @throws UserError `malformed:` or `unsupported:`
 */
export function decode(bytes: Uint8Array): Module {
  const reader = new Reader(bytes);
  if (bytes.length < 4 || reader.f32() !== MAGIC) throw malformed('magic header not detected', 0);
  if (bytes.length < 8 || reader.f32() !== VERSION) throw malformed('unknown binary version', 4);
  const sections: Sections = {
    types: [],
    imports: [],
    functions: [],
    tables: [],
    memories: [],
    globals: [],
    exports: [],
    start: undefined,
    elements: [],
    data: [],
    dataCount: undefined,
    bodies: [],
    functionNames: new Map(),
    sourceMapUrl: undefined,
  };
  let last = 0;
  while (reader.offset < bytes.length) {
    const at = reader.offset;
    const id = reader.byte();
    const size = reader.u32();
    if (size > bytes.length - reader.offset) throw malformed('length out of bounds', at);
    if (id === Section.TAG) throw unsupported('exception handling', at);
    if (id > Section.DATA_COUNT) throw malformed('malformed section id', at);
    if (id !== Section.CUSTOM) {
      const order = ORDER[id] as number;
      if (order <= last) throw malformed('unexpected content after last section', at);
      last = order;
    }
    const section = new Reader(bytes, reader.offset, reader.offset + size);
    (SECTIONS[id] as SectionDecoder)(section, sections);
    if (section.offset !== section.end) throw malformed('section size mismatch', section.offset);
    reader.offset = section.end;
  }
  return finish(bytes, sections);
}

function finish(bytes: Uint8Array, sections: Sections): Module {
  const { bodies, ...rest } = sections;
  const imported = sections.imports.filter(({ kind }) => kind === 'function').length;
  if (bodies.length !== sections.functions.length - imported) {
    throw malformed('function and code section have inconsistent lengths', bytes.length);
  }
  const { dataCount, data } = sections;
  if (dataCount !== undefined && dataCount !== data.length) {
    throw malformed('data count and data section have inconsistent lengths', bytes.length);
  }
  const functions = sections.functions.map((entry, i) => ({
    ...entry,
    body: i < imported ? undefined : bodies[i - imported],
  }));
  const facts = {
    grownTables: new Set<number>(),
    hasTailCalls: false,
    references: new Set<number>(),
  };
  return { bytes, ...rest, functions, facts };
}

type SectionDecoder = (r: Reader, s: Sections) => void;

/** By section id. */
const SECTIONS: readonly SectionDecoder[] = [
  decodeCustom,
  (r, s) => each(r, () => s.types.push(functionTypeOf(r))),
  (r, s) => each(r, () => decodeImport(r, s)),
  (r, s) =>
    each(r, () => {
      const offset = r.offset;
      s.functions.push({ offset, typeIndex: r.u32(), importIndex: undefined, body: undefined });
    }),
  (r, s) => each(r, () => s.tables.push({ ...tableOf(r), importIndex: undefined })),
  (r, s) => each(r, () => s.memories.push({ ...memoryOf(r), importIndex: undefined })),
  (r, s) =>
    each(r, () => {
      const type = globalOf(r);
      s.globals.push({ ...type, importIndex: undefined, init: readConstant(r) });
    }),
  (r, s) =>
    each(r, () => {
      const offset = r.offset;
      const name = r.name();
      s.exports.push({ offset, name, kind: externKind(r), index: r.u32() });
    }),
  (r, s) => {
    s.start = { offset: r.offset, index: r.u32() };
  },
  (r, s) => each(r, () => s.elements.push(elementSegment(r))),
  (r, s) => each(r, () => s.bodies.push(functionBody(r))),
  (r, s) => each(r, () => s.data.push(dataSegment(r))),
  (r, s) => {
    s.dataCount = r.u32();
  },
];

function each(r: Reader, item: () => void): void {
  for (let n = r.count(); n > 0; n--) item();
}

function decodeCustom(r: Reader, s: Sections): void {
  const name = r.name();
  const contents = r.take(r.end - r.offset);
  if (name === 'name') s.functionNames = readFunctionNames(contents);
  if (name === 'sourceMappingURL') s.sourceMapUrl = sourceMapUrl(contents);
}

function sourceMapUrl(contents: Uint8Array): string | undefined {
  try {
    return new Reader(contents).name();
  } catch {
    return undefined; // What a custom section holds can not make the module malformed (§7.3).
  }
}

function valueType(r: Reader): ValueType {
  const offset = r.offset;
  const byte = r.byte();
  switch (byte) {
    case 0x7f:
      return 'i32';
    case 0x7e:
      return 'i64';
    case 0x7d:
      return 'f32';
    case 0x7c:
      return 'f64';
    case 0x7b:
      return 'v128';
    case 0x70:
      return 'funcref';
    case 0x6f:
      return 'externref';
    case 0x63:
    case 0x64:
      throw unsupported('function references', offset);
    default:
      if (byte >= 0x68 && byte <= 0x74) throw unsupported('garbage collection', offset);
      throw malformed('malformed value type', offset);
  }
}

function referenceType(r: Reader): ValueType {
  const offset = r.offset;
  const type = valueType(r);
  if (type === 'funcref' || type === 'externref') return type;
  throw malformed('malformed reference type', offset);
}

function functionTypeOf(r: Reader): FunctionType {
  const offset = r.offset;
  const form = r.byte();
  if (form >= 0x4d && form <= 0x5f) throw unsupported('garbage collection', offset);
  if (form !== 0x60) throw malformed('integer representation too long', offset);
  const list = () => Array.from({ length: r.count() }, () => valueType(r));
  return { params: list(), results: list() };
}

function limitsOf(r: Reader, allowShared: boolean): { limits: Limits; shared: boolean } {
  const offset = r.offset;
  const flags = r.byte();
  // Shared and without a maximum: the core specification knows no such flags.
  if (flags > 7 || flags === 2) throw malformed('malformed limits flags', offset);
  if (flags & 4) throw unsupported('memory64', offset);
  if (flags & 2) {
    if (!allowShared || !(flags & 1)) throw malformed('malformed limits flags', offset);
  }
  const limits = { min: r.u32(), max: flags & 1 ? r.u32() : undefined };
  return { limits, shared: (flags & 2) !== 0 };
}

function tableOf(r: Reader): Omit<TableEntry, 'importIndex'> {
  const offset = r.offset;
  if (r.bytes[offset] === 0x40) throw unsupported('function references', offset);
  const element = referenceType(r);
  return { offset, element, limits: limitsOf(r, false).limits };
}

function memoryOf(r: Reader): Omit<MemoryEntry, 'importIndex'> {
  const offset = r.offset;
  return { offset, ...limitsOf(r, true) };
}

function globalOf(r: Reader): Omit<GlobalEntry, 'importIndex' | 'init'> {
  const offset = r.offset;
  const type = valueType(r);
  const mutability = r.byte();
  if (mutability > 1) throw malformed('malformed mutability', r.offset - 1);
  return { offset, type, mutable: mutability === 1 };
}

function externKind(r: Reader): ExternKind {
  const offset = r.offset;
  const kinds = ['function', 'table', 'memory', 'global'] as const;
  const byte = r.byte();
  const kind = kinds[byte];
  if (!kind) throw malformed('malformed import kind', offset);
  return kind;
}

/** Whether a well-formed tag is imported here. */
function isTag({ bytes, offset, end }: Reader, { types }: Sections): boolean {
  if (offset + 3 > end || bytes[offset] !== 4 || bytes[offset + 1] !== 0) return false;
  return new Reader(bytes, offset + 2, end).u32() < types.length;
}

function decodeImport(r: Reader, s: Sections): void {
  const offset = r.offset;
  const module = r.name();
  const name = r.name();
  const importIndex = s.imports.length;
  if (isTag(r, s)) throw unsupported('exception handling', offset);
  const kind = externKind(r);
  switch (kind) {
    case 'function': {
      const typeIndex = r.u32();
      const type = s.types[typeIndex] ?? { params: [], results: [] };
      s.functions.push({ offset, typeIndex, importIndex, body: undefined });
      s.imports.push({ module, name, kind, type });
      return;
    }
    case 'table': {
      const table = tableOf(r);
      s.tables.push({ ...table, importIndex });
      s.imports.push({ module, name, kind, element: table.element, limits: table.limits });
      return;
    }
    case 'memory': {
      const memory = memoryOf(r);
      s.memories.push({ ...memory, importIndex });
      s.imports.push({ module, name, kind, limits: memory.limits, shared: memory.shared });
      return;
    }
    default: {
      const global = globalOf(r);
      s.globals.push({ ...global, importIndex, init: undefined });
      s.imports.push({ module, name, kind, type: global.type, mutable: global.mutable });
    }
  }
}

function elementSegment(r: Reader): ElementSegment {
  const offset = r.offset;
  const flags = r.u32();
  if (flags > 7) throw malformed('malformed elements segment kind', offset);
  let mode: SegmentMode<'table'> = flags & 2 ? { kind: 'declarative' } : { kind: 'passive' };
  if (!(flags & 1)) {
    const table = flags & 2 ? r.u32() : 0;
    mode = { kind: 'active', table, at: readConstant(r) };
  }
  let type: ValueType = 'funcref';
  if (flags & 3) {
    const at = r.offset;
    if (flags & 4) type = referenceType(r);
    else if (r.byte() !== 0) throw malformed('malformed element kind', at);
  }
  const items = Array.from({ length: r.count() }, (): ConstantExpression => {
    if (flags & 4) return readConstant(r);
    return { offset: r.offset, kind: 'function', index: r.u32() };
  });
  return { offset, type, mode, items };
}

function dataSegment(r: Reader): DataSegment {
  const offset = r.offset;
  const flags = r.u32();
  if (flags > 2) throw malformed('malformed data segment kind', offset);
  let mode: SegmentMode<'memory'> = { kind: 'passive' };
  if (flags !== 1) {
    const memory = flags === 2 ? r.u32() : 0;
    mode = { kind: 'active', memory, at: readConstant(r) };
  }
  return { offset, mode, bytes: r.take(r.u32()) };
}

function functionBody(r: Reader): FunctionBody {
  const at = r.offset;
  const size = r.u32();
  if (size > r.end - r.offset) throw malformed('unexpected end', at);
  const body = new Reader(r.bytes, r.offset, r.offset + size);
  r.offset = body.end;
  const groups = Array.from({ length: body.count() }, () => {
    return { offset: body.offset, count: body.u32(), type: valueType(body) };
  });
  let total = 0;
  for (const { count, offset } of groups) {
    total += count;
    if (total > 0xffff_ffff) throw malformed('too many locals', offset);
  }
  if (total > MAX_LOCALS) throw unsupported(`more than ${MAX_LOCALS} locals`, at);
  const locals = groups.flatMap(({ count, type }) => new Array<ValueType>(count).fill(type));
  const facts = { hasLoops: false, hasTailCalls: false, callsOfItself: 0 };
  return { start: body.offset, end: body.end, locals, facts };
}
