import type { FunctionState } from './analysis.ts';
import type { Compartment, Program, Segment, Violation } from './program.ts';

/** A table's entry: code u64 at 0, type number u32 at 8, address of the function's record i32 at 12. */
export const ENTRY = { size: 16, type: 8, record: 12 } as const;

/** A table's descriptor: address of the entries u64 at 0, their number u32 at 8, room for u32 at 12. */
export const DESCRIPTOR = { entries: 0, count: 8, room: 12, size: 16 } as const;

/**
 * The functions that indirect calls may reach, by type number: all whose records stand in the file.
 * A record is an entry that refers to itself.
 */
export class TypeTable {
  readonly broken: Violation[] = [];
  readonly #program: Program;
  readonly #functions: ReadonlyMap<number, FunctionState>;
  readonly #byType = new Map<number, FunctionState[]>();
  readonly #typeOf = new Map<number, number>();

  constructor(program: Program, functions: ReadonlyMap<number, FunctionState>) {
    this.#program = program;
    this.#functions = functions;
    for (const segment of program.memory.segments) {
      if (!segment.executable && !segment.writable) this.#scan(segment);
    }
  }

  /** Functions that a call of this type in a compartment may reach. */
  targets(type: number, from: Compartment): readonly FunctionState[] {
    return (this.#byType.get(type) ?? []).filter((target) => this.#mayRefer(from, target));
  }

  /** Whether an entry of a table is empty, or a copy of a record that code of a compartment may call. */
  isEntryFor(at: number, from: Compartment): boolean {
    if (!this.isEntry(at)) return false;
    const target = this.#functions.get(this.#program.memory.address(at) ?? 0);
    return target === undefined || this.#mayRefer(from, target);
  }

  /** Instances of one executable share tables; compartments of an image do not. */
  #mayRefer(from: Compartment, { code }: FunctionState): boolean {
    if (code.compartment === from) return true;
    const isExecutable = this.#program.kind === 'executable';
    return isExecutable && from.kind === 'sandbox' && code.compartment.kind === 'sandbox';
  }

  /** Whether an entry of a table is empty, or a record's copy. */
  isEntry(at: number): boolean {
    const { memory } = this.#program;
    const code = memory.address(at);
    const type = memory.u32(at + ENTRY.type);
    const record = memory.u32(at + ENTRY.record);
    if (code === 0 && type === 0 && record === 0) return true;
    if (code === undefined || type === undefined || record === undefined) return false;
    return this.isRecord(record | 0) && this.#sameBytes(at, record | 0);
  }

  /** Whether an entry of a table lies where nothing writes. */
  isFixedEntry(at: number): boolean {
    return this.isEntry(at) && !this.#program.memory.segmentAt(at, ENTRY.size)?.writable;
  }

  #scan({ start, bytes }: Segment): void {
    const first = Math.ceil(start / ENTRY.size) * ENTRY.size;
    for (let at = first; at + ENTRY.size <= start + bytes.length; at += ENTRY.size) {
      if (!this.isRecord(at)) continue;
      const code = this.#program.memory.address(at) ?? 0;
      const type = this.#program.memory.u32(at + ENTRY.type) ?? 0;
      const target = this.#functions.get(code);
      if (!target) continue;
      const known = this.#typeOf.get(code);
      if (known === type) continue;
      if (known !== undefined) {
        const { name } = target.code;
        this.broken.push({ rule: 'a function has records of two types', address: at, name });
      }
      this.#typeOf.set(code, type);
      this.#byType.set(type, [...(this.#byType.get(type) ?? []), target]);
    }
  }

  /** Whether a function's record lies at `at`: code of a function, a type, and its own address. */
  isRecord(at: number): boolean {
    const { memory } = this.#program;
    const record = memory.u32(at + ENTRY.record);
    if (record === undefined || (record | 0) !== at || at % ENTRY.size !== 0) return false;
    const segment = memory.segmentAt(at, ENTRY.size);
    if (!segment || segment.writable) return false;
    const code = memory.address(at);
    const type = memory.u32(at + ENTRY.type) ?? 0;
    return code !== undefined && type !== 0 && this.#functions.has(code);
  }

  #sameBytes(a: number, b: number): boolean {
    const [first, second] = [a, b].map((at) => this.#program.memory.read(at, ENTRY.size));
    return Boolean(first && second && first.every((byte, i) => byte === second[i]));
  }
}
