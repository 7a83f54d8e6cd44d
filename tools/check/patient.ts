import { functionsOf, loadSegments } from './elf-file.ts';
import { type Instruction, instructionAt } from './instruction.ts';

/** For tests: an instruction of a file, where it stands there, and how it can be changed. */
export class Patient {
  readonly file: Uint8Array;

  constructor(file: Uint8Array) {
    this.file = file;
  }

  /** A function's instructions, one after the other from its start. */
  instructions(name: string): Instruction[] {
    const { start, offset, size } = this.#place(name);
    const code = this.file.subarray(offset, offset + size);
    const found: Instruction[] = [];
    for (let at = 0; at < size; ) {
      const instruction = instructionAt(code, start, at);
      if (typeof instruction === 'string') throw new Error(`${name}+${at}: ${instruction}`);
      found.push(instruction);
      at += instruction.next - instruction.address;
    }
    return found;
  }

  /**
   * The file with one byte of one instruction changed: the first that is `wanted` and the first byte
   * with which it `becomes` what the test is about, its length unchanged.
   */
  change(
    name: string,
    wanted: (instruction: Instruction) => boolean,
    becomes: (changed: Instruction, original: Instruction) => boolean,
  ): Uint8Array {
    const { start, offset } = this.#place(name);
    for (const original of this.instructions(name).filter(wanted)) {
      const length = original.next - original.address;
      const from = offset + original.address - start;
      const code = this.file.slice(from, from + length);
      for (let i = 0; i < length; i++) {
        for (let byte = 0; byte < 256; byte++) {
          const changed = Uint8Array.from(code);
          changed[i] = byte;
          const instruction = instructionAt(changed, original.address, 0);
          if (byte === code[i] || typeof instruction === 'string') continue;
          if (instruction.next !== original.next || !becomes(instruction, original)) continue;
          const file = this.file.slice();
          file.set(changed, from);
          return file;
        }
      }
    }
    throw new Error(`${name} has no such instruction`);
  }

  /** The file with the byte at an address made another by `add`. */
  poke(address: number, add: number): Uint8Array {
    const segment = loadSegments(this.file).find(
      ({ virtual, bytes }) => address >= virtual && address < virtual + bytes.length,
    );
    if (!segment) throw new Error(`the file has nothing at ${address}`);
    const file = this.file.slice();
    const at = segment.bytes.byteOffset - this.file.byteOffset + address - segment.virtual;
    file[at] = (file[at] ?? 0) + add;
    return file;
  }

  #place(name: string): { start: number; offset: number; size: number } {
    const found = functionsOf(this.file).find((each) => each.name === name);
    const segment = loadSegments(this.file).find(
      ({ virtual, size }) => found && found.address >= virtual && found.address < virtual + size,
    );
    if (!found || !segment) throw new Error(`there is no function ${name}`);
    const offset =
      segment.bytes.byteOffset - this.file.byteOffset + found.address - segment.virtual;
    return { start: found.address, offset, size: found.size };
  }
}

/** The effect's name of an instruction: `mov`, `jcc`. */
export const nameOf = ({ row }: Instruction) => row.effect.name;

/** The memory operand of an instruction. */
export function memoryOf({ operands }: Instruction) {
  return operands.find((operand) => operand.kind === 'memory')?.at;
}

/** The number of an instruction's immediate. */
export function immediateOf({ operands }: Instruction): number | undefined {
  const found = operands.find((operand) => operand.kind === 'immediate');
  return found && Number(found.value);
}
