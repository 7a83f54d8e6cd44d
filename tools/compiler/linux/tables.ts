import {
  CALL_STACK,
  CALL_STACK_SIZE,
  CallFrame,
  DataInfo,
  EXPORT_FUNCTION,
  EXPORT_GLOBAL,
  EXPORT_MEMORY,
  EXPORT_TABLE,
  Executable,
  ExportInfo,
  FunctionInfo,
  FunctionPlace,
  FunctionRecord,
  InstanceInfo,
  LinePlace,
  TextInfo,
  TrapPlace,
  TYPE_EXTERNREF,
  TYPE_F32,
  TYPE_F64,
  TYPE_FUNCREF,
  TYPE_I32,
  TYPE_I64,
  TYPE_V128,
  ValueInfo,
} from '../../../spec/abi/executable.ts';
import * as Reason from '../../../spec/abi/trap-reason.ts';
import { type Layout, setFields, type View } from '../../../spec/layout.ts';
import { UserError } from '../../errors.ts';
import type { ExternType, FunctionType, TrapReason, ValueType, WasmObject } from '../object.ts';
import type { SourceMap } from '../source-map.ts';
import { callingSequence, isFloat, type Location } from '../x86/abi.ts';

/** Where the objects' parts have come to lie. */
export interface Addresses {
  of(symbol: string): number;
  /** Address of the symbol, or undefined where there is none of that name. */
  find(symbol: string): number | undefined;
  /** Address of the code that the function record at an address refers to. */
  codeOf(record: number): number;
  /** Where an object's text starts. */
  textOf(object: WasmObject): number;
  readonly textStart: number;
  readonly textEnd: number;
}

export interface NamedObject {
  /** As `--link` names it; empty for the program itself. */
  readonly name: string;
  readonly object: WasmObject;
  /** What its imported functions are bound to, in their order; undefined for what is called otherwise. */
  readonly importedFunctions: readonly (string | undefined)[];
  /** Where in the sources the module's instructions come from, if that is known. */
  readonly sources: SourceMap | undefined;
}

/** The tables of spec/abi/executable.ts for these instances, to lie at `address`; the root comes first. */
export function runtimeTables(
  instances: readonly NamedObject[],
  addresses: Addresses,
  address: number,
): Uint8Array {
  const tables = new Tables(address);
  const root = tables.reserve(Executable, 1);
  const infos = tables.reserve(InstanceInfo, instances.length);
  const traps = instances
    .flatMap(({ object }) =>
      object.traps.map(({ offset, reason }) => ({
        address: addresses.textOf(object) + offset,
        reason: reasonNumbers[reason],
      })),
    )
    .sort((a, b) => a.address - b.address);
  const functions = instances.flatMap(({ object }) =>
    object.functions.map(({ symbol, start, end }) => ({
      start: addresses.textOf(object) + start,
      end: addresses.textOf(object) + end,
      ...tables.text(symbol),
    })),
  );
  const records = instances.flatMap(({ object }) => recordsOf(object, addresses));
  const files = new Map<string, number>();
  const places = instances.flatMap((instance) => linePlaces(instance, addresses, files));
  instances.forEach((instance, i) => {
    tables.set(
      InstanceInfo,
      infos + i * InstanceInfo.size,
      instanceInfo(instance, records, addresses, tables),
    );
  });
  tables.set(Executable, root, {
    instances: infos,
    instanceCount: instances.length,
    traps: tables.array(TrapPlace, traps),
    trapCount: traps.length,
    textStart: addresses.textStart,
    textEnd: addresses.textEnd,
    functions: tables.array(
      FunctionPlace,
      functions.map(({ start, end, bytes, size }) => ({ start, end, name: bytes, nameSize: size })),
    ),
    functionCount: functions.length,
    places: tables.array(LinePlace, places),
    placeCount: places.length,
    files: tables.array(
      TextInfo,
      [...files.keys()].map((file) => tables.text(file)),
    ),
    fileCount: files.size,
  });
  return tables.bytes();
}

/** The lines of an instance's code; the files that they are in join `files`. */
function linePlaces(
  { object, sources }: NamedObject,
  addresses: Addresses,
  files: Map<string, number>,
): Partial<View<typeof LinePlace>>[] {
  if (!sources) return [];
  const { lines } = object;
  const start = addresses.textOf(object);
  const places: Partial<View<typeof LinePlace>>[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const place = sources(lines[i + 1] as number);
    if (!place) continue;
    const file = files.get(place.file) ?? files.size;
    files.set(place.file, file);
    places.push({ address: start + (lines[i] as number), line: place.line, file });
  }
  return places;
}

const reasonNumbers: Readonly<Record<TrapReason, number>> = {
  unreachable: Reason.UNREACHABLE,
  'integer divide by zero': Reason.INTEGER_DIVIDE_BY_ZERO,
  'integer overflow': Reason.INTEGER_OVERFLOW,
  'invalid conversion to integer': Reason.INVALID_CONVERSION_TO_INTEGER,
  'out of bounds memory access': Reason.OUT_OF_BOUNDS_MEMORY_ACCESS,
  'out of bounds table access': Reason.OUT_OF_BOUNDS_TABLE_ACCESS,
  'undefined element': Reason.UNDEFINED_ELEMENT,
  'uninitialized element': Reason.UNINITIALIZED_ELEMENT,
  'indirect call type mismatch': Reason.INDIRECT_CALL_TYPE_MISMATCH,
  'unaligned atomic': Reason.UNALIGNED_ATOMIC,
  'expected shared memory': Reason.EXPECTED_SHARED_MEMORY,
};

/** The record of a function: its address, and that of the function's code. */
interface PlacedRecord {
  readonly address: number;
  readonly code: number;
}

function recordsOf({ symbols }: WasmObject, addresses: Addresses): PlacedRecord[] {
  return symbols
    .filter(({ name }) => name.endsWith('.record'))
    .map(({ name }) => {
      const address = addresses.of(name);
      return { address, code: addresses.codeOf(address) };
    });
}

/**
 * Those of all instances' `records` that are of the instance's functions, imported ones among them; a function
 * that is imported more than once has all its numbers, the lowest first.
 */
function numberedRecords(
  { object, importedFunctions }: NamedObject,
  records: readonly PlacedRecord[],
  addresses: Addresses,
): Partial<View<typeof FunctionRecord>>[] {
  const byCode = new Map<number, number[]>();
  const add = (code: number, index: number) =>
    byCode.set(code, [...(byCode.get(code) ?? []), index]);
  importedFunctions.forEach((symbol, index) => {
    if (symbol !== undefined) add(addresses.of(symbol), index);
  });
  for (const { symbol, index } of object.functions) {
    const record = addresses.find(`${symbol}.record`);
    if (record !== undefined) add(addresses.codeOf(record), index);
  }
  return records
    .flatMap(({ address, code }) => (byCode.get(code) ?? []).map((index) => ({ address, index })))
    .sort((a, b) => a.address - b.address || a.index - b.index);
}

function instanceInfo(
  instance: NamedObject,
  allRecords: readonly PlacedRecord[],
  addresses: Addresses,
  tables: Tables,
): Partial<View<typeof InstanceInfo>> {
  const { name, object } = instance;
  const { memory } = object;
  const ownsMemory = memory?.symbol !== undefined && !memory.imported;
  const segments = ownsMemory ? memory.segments : [];
  const records = numberedRecords(instance, allRecords, addresses);
  const exports = [...object.exports].map(([exported, entry]) => {
    const { bytes, size } = tables.text(exported);
    return {
      name: bytes,
      nameSize: size,
      kind: exportKinds[entry.kind],
      target: addresses.of(entry.symbol),
      type: exportType(exported, entry, tables),
    };
  });
  const named = tables.text(name);
  return {
    name: named.bytes,
    nameSize: named.size,
    memory: memory?.symbol === undefined ? 0 : addresses.of(memory.symbol),
    ownsMemory: ownsMemory ? 1 : 0,
    segments: tables.array(
      DataInfo,
      segments.map(({ offset, bytes }) => ({
        source: tables.add(bytes),
        offset,
        size: bytes.length,
      })),
    ),
    segmentCount: segments.length,
    start: object.start === undefined ? 0 : addresses.of(object.start),
    exports: tables.array(ExportInfo, exports),
    exportCount: exports.length,
    records: tables.array(FunctionRecord, records),
    recordCount: records.length,
  };
}

const exportKinds: Readonly<Record<ExternType['kind'], number>> = {
  function: EXPORT_FUNCTION,
  table: EXPORT_TABLE,
  memory: EXPORT_MEMORY,
  global: EXPORT_GLOBAL,
};

const typeNumbers: Readonly<Record<ValueType, number>> = {
  i32: TYPE_I32,
  i64: TYPE_I64,
  f32: TYPE_F32,
  f64: TYPE_F64,
  v128: TYPE_V128,
  funcref: TYPE_FUNCREF,
  externref: TYPE_EXTERNREF,
};

function exportType(name: string, type: ExternType, tables: Tables): number {
  if (type.kind === 'global') return typeNumbers[type.type];
  return type.kind === 'function' ? tables.functionType(name, type.type) : 0;
}

/** Grows the tables from `address` on. Everything is aligned to 8 bytes. */
class Tables {
  private readonly address: number;
  private buffer = new Uint8Array(1 << 12);
  private size = 0;
  private readonly types = new Map<string, number>();

  constructor(address: number) {
    this.address = address;
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size);
  }

  /** Room for `bytes`, zero: its address. */
  private room(bytes: number): number {
    const start = (this.size + 7) & ~7;
    this.size = start + bytes;
    if (this.size > this.buffer.length) {
      const grown = new Uint8Array(this.size * 2);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    return this.address + start;
  }

  /** Room for `count` entries: the address of the first. */
  reserve(layout: Layout, count: number): number {
    return this.room(layout.size * count);
  }

  set<L extends Layout>(layout: L, address: number, fields: Partial<View<L>>): void {
    setFields(layout, this.buffer, address - this.address, fields);
  }

  add(bytes: Uint8Array): number {
    const address = this.room(bytes.length);
    this.buffer.set(bytes, address - this.address);
    return address;
  }

  text(text: string): View<typeof TextInfo> {
    const encoded = new TextEncoder().encode(text);
    return { bytes: this.add(encoded), size: encoded.length };
  }

  array<L extends Layout>(layout: L, entries: readonly Partial<View<L>>[]): number {
    const address = this.reserve(layout, entries.length);
    entries.forEach((entry, i) => {
      this.set(layout, address + i * layout.size, entry);
    });
    return address;
  }

  /** The FunctionInfo of a type: one for all exports that have it. `name` is for complaints. */
  functionType(name: string, type: FunctionType): number {
    const key = `${type.params}->${type.results}`;
    const known = this.types.get(key);
    if (known !== undefined) return known;
    const { params, results, stackSize } = callingSequence(type);
    if (stackSize > CALL_STACK_SIZE) {
      throw new UserError(`unsupported: ${stackSize} bytes of arguments to the export "${name}"`);
    }
    const values = [...type.params, ...type.results].map((value, i) => ({
      type: typeNumbers[value],
      offset: frameOffset(value, locationAt(params, results, i), i < params.length),
    }));
    const address = this.array(FunctionInfo, [
      {
        params: params.length,
        results: results.length,
        stackSize,
        values: this.array(ValueInfo, values),
      },
    ]);
    this.types.set(key, address);
    return address;
  }
}

function locationAt(
  params: readonly Location[],
  results: readonly Location[],
  i: number,
): Location {
  const location = [...params, ...results][i];
  if (!location) throw new RangeError(`value ${i} of ${params.length + results.length}`);
  return location;
}

/** The registers of arguments and of results, in the order of their places in a CallFrame. */
const ARGUMENT_REGISTERS = [7, 6, 2, 1, 8, 9];
const RESULT_REGISTERS = [0, 2];

/** Where in a CallFrame a value is. */
function frameOffset(type: ValueType, location: Location, isParameter: boolean): number {
  const { integers, floats } = CallFrame.fields;
  if (location.kind === 'stack') return CALL_STACK + location.offset;
  if (isFloat(type)) return floats.offset + 16 * location.register;
  const order = isParameter ? ARGUMENT_REGISTERS : RESULT_REGISTERS;
  return integers.offset + 8 * order.indexOf(location.register);
}
