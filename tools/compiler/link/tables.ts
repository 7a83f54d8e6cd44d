import {
  FunctionEntry,
  InterceptSite as InterceptEntry,
  LineEntry,
  TrapSite as TrapEntry,
} from '../../../spec/abi/handoff.ts';
import * as Reason from '../../../spec/abi/trap-reason.ts';
import { type Layout, setFields, type View } from '../../../spec/layout.ts';
import type { ObjectSymbol, TrapReason, WasmObject } from '../object.ts';
import type { SourceMap } from '../source-map.ts';

/** A part of the text, with what is known about it. */
export interface TextPart {
  /** Place of its first byte. */
  readonly place: number;
  readonly symbols: readonly ObjectSymbol[];
  /** The compiler's object; undefined for assembled stubs. */
  readonly object: WasmObject | undefined;
  readonly sourceMap: SourceMap | undefined;
}

/** The tables of spec/abi/handoff.ts by which the kernel explains an address of the text. */
export interface AddressTables {
  readonly functions: Uint8Array;
  readonly lines: Uint8Array;
  readonly traps: Uint8Array;
  readonly intercepts: Uint8Array;
  readonly files: Uint8Array;
}

/** FunctionEntry.frameSize of a stub: a backtrace ends there. */
const NO_FRAME = 0xffff_ffff;

const reasons: Readonly<Record<TrapReason, number>> = {
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

/** The tables for `parts`, in ascending order of their places; names go into `strings`. */
export function addressTables(parts: readonly TextPart[], strings: Strings): AddressTables {
  const files = new Files(strings);
  return {
    functions: table(
      FunctionEntry,
      parts.flatMap((part) => functionEntries(part, strings)),
    ),
    lines: table(
      LineEntry,
      parts.flatMap((part) => lineEntries(part, files)),
    ),
    traps: table(
      TrapEntry,
      parts.flatMap(({ place, object }) =>
        (object?.traps ?? []).map(({ offset, reason }) => ({
          place: place + offset,
          reason: reasons[reason],
        })),
      ),
    ),
    intercepts: table(
      InterceptEntry,
      parts.flatMap(({ place, object }) =>
        (object?.intercepts ?? []).map(({ offset, exitCode }) => ({
          place: place + offset,
          exitCode,
        })),
      ),
    ),
    files: files.bytes(),
  };
}

function functionEntries({ place, symbols, object }: TextPart, strings: Strings) {
  if (object) {
    return object.functions.map(({ symbol, start, end, frameSize }) => ({
      start: place + start,
      end: place + end,
      frameSize,
      name: strings.add(symbol),
    }));
  }
  return stubEntries(place, symbols).map(({ name, ...entry }) => ({
    ...entry,
    frameSize: NO_FRAME,
    name: strings.add(name),
  }));
}

/** Functions of assembled code; a run of numbered ones (`vector.0`, `vector.1`, …) is one entry. */
function stubEntries(place: number, symbols: readonly ObjectSymbol[]) {
  const entries: { start: number; end: number; name: string }[] = [];
  const functions = symbols.filter(
    ({ kind, section }) => kind === 'function' && section === 'text',
  );
  for (const { name, offset, size } of functions.sort((a, b) => a.offset - b.offset)) {
    const stem = name.replace(/\.\d+$/, '');
    const last = entries.at(-1);
    const end = place + offset + size;
    if (last?.name === stem) last.end = end;
    else entries.push({ start: place + offset, end, name: stem });
  }
  return entries;
}

/** A line holds from its place to the next entry's. Runs of one line are one entry. */
function lineEntries({ place, object, sourceMap }: TextPart, files: Files) {
  const entries: { place: number; line: number; file: number }[] = [];
  const lines = object?.lines ?? new Int32Array();
  for (let i = 0; i < lines.length; i += 2) {
    const offset = lines[i] as number;
    const source = sourceMap?.(lines[i + 1] as number);
    if (!source || source.line > 0xffff) continue;
    const file = files.index(source.file);
    const last = entries.at(-1);
    if (last && last.line === source.line && last.file === file) continue;
    entries.push({ place: place + offset, line: source.line, file });
  }
  return entries;
}

function table<L extends Layout>(layout: L, entries: readonly Partial<View<L>>[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => first(layout, a) - first(layout, b));
  const bytes = new Uint8Array(entries.length * layout.size);
  for (const [i, entry] of sorted.entries()) {
    setFields(layout, bytes, i * layout.size, entry);
  }
  return bytes;
}

/** The field that a table is sorted by. */
function first<L extends Layout>({ fields }: L, entry: Partial<View<L>>): number {
  return Number(entry[Object.keys(fields)[0] as keyof View<L>]);
}

/** A name of a foreign module as it may be printed: a NUL would end it, an escape sequence act. */
export function printable(name: string): string {
  return name.replaceAll(/\p{Cc}/gu, '?');
}

/** NUL-terminated texts, each once, to be printed as they are. */
export class Strings {
  readonly #offsets = new Map<string, number>();
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** Offset of `text` in the table. */
  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#size;
    const bytes = new TextEncoder().encode(`${printable(text)}\0`);
    this.#offsets.set(text, offset);
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return offset;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

/** Names of source files by number. */
class Files {
  readonly #strings: Strings;
  readonly #indices = new Map<string, number>();

  constructor(strings: Strings) {
    this.#strings = strings;
  }

  index(file: string): number {
    const known = this.#indices.get(file);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(file, index);
    return index;
  }

  /** u32 offsets into the string table. */
  bytes(): Uint8Array {
    const offsets = [...this.#indices.keys()].map((file) => this.#strings.add(file));
    return new Uint8Array(Uint32Array.from(offsets).buffer);
  }
}
