import { Emitter } from './emitter.ts';
import { type Form, form } from './encode.ts';
import type { Value } from './operand.ts';
import { isMemory, isSymbol, type Label, type Memory, NONE } from './operand.ts';

/**
 * The assembler's text-like face, for boot code and stubs: rows of the table by their text, with every
 * operand checked against the row. (The compiler uses {@link Emitter}'s methods, which check nothing.)
 *
 *     asm.op('mov r32, r/m32', EAX, mem(EBX, 8));
 *     asm.op('jne rel32', loop);
 *     asm.op('lgdt m16&32', absolute(symbol('shim!gdt')));
 */
export class Assembler extends Emitter {
  /** 32: protected mode; 64: 64-bit mode. May change in the middle of the code. */
  mode: 32 | 64;

  constructor(mode: 32 | 64 = 64) {
    super();
    this.mode = mode;
  }

  /**
   * Assembles the row `id` with a value for each operand of its text that is not implied by the opcode:
   * a register's number, an immediate, memory, a symbol's address; for a branch a label or a symbol;
   * for ptr16:32 two values, offset and selector.
   */
  op(id: string, ...values: Value[]): void {
    const row = form(id, this.mode);
    const { operands, encoding } = row.instruction;
    const wanted = operands
      .filter((o) => o.place !== 'none')
      .flatMap((o) => (o.kind === 'far' ? [o, o] : [o]));
    if (wanted.length !== values.length) {
      throw new TypeError(`${id}: ${wanted.length} operands expected, got ${values.length}`);
    }
    let reg = row.digit;
    let rm = encoding.modrm === 'byte' ? 0 : NONE;
    let vvvv = 0;
    let memory: Memory | undefined;
    const immediates: Value[] = [];
    wanted.forEach((operand, n) => {
      const value = values[n] as Value;
      if (operand.place === 'immediate') {
        immediates.push(value);
      } else if (isMemory(value)) {
        if (operand.kind === 'register') throw new TypeError(`${id}: ${operand.text} is no memory`);
        memory = value;
      } else if (typeof value === 'number' && operand.kind !== 'memory') {
        this.checkRegister(id, value, operand.width === 8);
        if (operand.place === 'rm') rm = value;
        else if (operand.place === 'vvvv') vvvv = value;
        else reg = value;
      } else {
        throw new TypeError(`${id}: ${operand.text} expected, got ${String(value)}`);
      }
    });
    this.reserve();
    if (encoding.addressSize !== 0 && encoding.addressSize !== this.mode) this.byte(0x67);
    if (memory) this.memory(row, reg, vvvv, memory);
    else if (encoding.modrm === 'byte') this.fixed(row);
    else if (encoding.modrm !== 'none') this.registers(row, reg, rm, vvvv);
    else if (encoding.plusRegister) this.plus(row, reg);
    else this.plain(row);
    immediates.forEach((value, n) => {
      const size = encoding.immediates[n] ?? 0;
      const operand = wanted.filter((o) => o.place === 'immediate')[n];
      const bytes = size === -1 ? this.mode / 8 : size;
      if (operand?.kind === 'relative') this.target(value, bytes);
      else this.constant(id, value, bytes, operand?.signed === true);
    });
  }

  private checkRegister(id: string, number: number, byte: boolean): void {
    // Without REX, the numbers of spl…dil mean ah…bh.
    const limit = this.mode === 64 ? 16 : byte ? 4 : 8;
    if (!Number.isInteger(number) || number < 0 || number >= limit) {
      throw new RangeError(`${id}: register expected 0 to ${limit - 1}, got ${number}`);
    }
  }

  private memory(row: Form, reg: number, vvvv: number, at: Memory): void {
    if (at.segment !== NONE) this.byte([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65][at.segment] ?? 0x3e);
    if (at.address32 && this.mode === 64) this.byte(0x67);
    this.head(row, reg, at.index, at.base, vvvv);
    if (at.relative || at.symbol !== undefined) {
      const kind = at.relative ? 'rel32' : this.mode === 64 ? 'abs32s' : 'abs32';
      if (at.relative && this.mode === 32) throw new TypeError('no RIP in 32-bit mode');
      this.modrmFar(reg, at.base, at.index, at.scale, at.relative, this.mode === 64);
      if (at.label !== undefined) this.labelReference(at.label, 4, row.tail);
      else this.reference(kind, at.symbol ?? '', at.displacement, row.tail);
    } else {
      this.modrmMemory(reg, at.base, at.index, at.scale, at.displacement, this.mode === 64);
    }
  }

  private target(value: Value, bytes: number): void {
    if (typeof value === 'number') this.labelReference(value as Label, bytes, 0);
    else if (typeof value === 'object' && isSymbol(value) && bytes === 4) {
      this.reference('rel32', value.symbol, value.addend, 0);
    } else throw new TypeError('a branch goes to a label or, with rel32, to a symbol');
  }

  private constant(id: string, value: Value, bytes: number, signed: boolean): void {
    if (typeof value === 'object') {
      if (isMemory(value)) throw new TypeError(`${id}: memory where an immediate is expected`);
      if (bytes < 4) throw new TypeError(`${id}: no room for the address of ${value.symbol}`);
      const kind = bytes === 8 ? 'abs64' : signed && this.mode === 64 ? 'abs32s' : 'abs32';
      this.reference(kind, value.symbol, value.addend, 0);
      return;
    }
    const number = BigInt(value);
    const bits = BigInt(bytes * 8);
    // A plain immediate may be written as either sign; one that is extended has only its own.
    const high = signed ? 1n << (bits - 1n) : 1n << bits;
    if (number < -(1n << (bits - 1n)) || number >= high) {
      throw new RangeError(`${id}: ${number} does not fit in ${bits} bits`);
    }
    if (bytes === 8) this.u64(number);
    else this.little(Number(BigInt.asIntN(32, number)), bytes);
  }
}
