import { type Instruction, instructionAt } from './instruction.ts';
import type { CodeFunction, Memory } from './program.ts';

/** The instructions of one function, each decoded when it is first asked for. */
export class FunctionCode {
  readonly start: number;
  readonly end: number;
  readonly #bytes: Uint8Array;
  /** By distance from the start. */
  readonly #instructions: (Instruction | undefined)[];

  constructor({ start, end }: CodeFunction, memory: Memory) {
    this.start = start;
    this.end = end;
    this.#bytes = memory.read(start, end - start) ?? new Uint8Array();
    this.#instructions = Array(this.#bytes.length).fill(undefined);
  }

  /** The instruction at an address; a text instead of it says why there is none. */
  at(address: number): Instruction | string {
    const offset = address - this.start;
    const known = this.#instructions[offset];
    if (known) return known;
    if (address < this.start || address >= this.end) return 'control runs out of the function';
    const instruction = instructionAt(this.#bytes, this.start, offset);
    if (typeof instruction !== 'string') this.#instructions[offset] = instruction;
    return instruction;
  }

  /** Those that were asked for, in the order of their addresses. */
  found(): Instruction[] {
    return this.#instructions.filter((instruction) => instruction !== undefined);
  }
}
