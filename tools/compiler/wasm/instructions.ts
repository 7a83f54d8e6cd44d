import type { ValueType } from '../object.ts';
import { ATOMIC_FENCE, ATOMIC_FIRST, ATOMIC_INSTRUCTIONS } from './atomics.ts';
import { featureOf, isLoad, isStore, Op, SIGNATURES, Type } from './opcodes.ts';
import { malformed, Reader, unsupported } from './reader.ts';
import { VECTOR_FIRST, VECTOR_INSTRUCTIONS } from './simd.ts';

const CODES: Readonly<Record<ValueType, number>> = {
  i32: Type.I32,
  i64: Type.I64,
  f32: Type.F32,
  f64: Type.F64,
  v128: Type.V128,
  funcref: Type.FUNCREF,
  externref: Type.EXTERNREF,
};

/** The binary format's number of a value type. */
export function typeCode(type: ValueType): number {
  return CODES[type];
}

const NAMES = new Map(
  Object.entries(CODES).map(([name, code]) => [code, name as ValueType] as const),
);

/** The value type of a number of the binary format. */
export function typeName(code: number): ValueType {
  return NAMES.get(code) as ValueType;
}

/** A block type that is not an index: no parameters, and no result or this one. */
export const EMPTY_BLOCK = -0x40;

/**
 * Reads the instructions of a function body one after the other (Wasm 2.0 §5.4). After `next()`
 * the fields describe the instruction; which of them mean something depends on its opcode.
 */
export class InstructionReader {
  readonly #r: Reader;
  op = 0;
  /** Offset of the opcode's first byte in the module. */
  offset = 0;
  /** First index; block type; an i32 or f32 constant's bits (signed); log2 of a stated alignment. */
  a = 0;
  /** Second index; a memory access's offset. */
  b = 0;
  /** Bits of an i64 (signed), f64 or v128 constant; a shuffle's lane indices. */
  bits = 0n;
  /** Lane index of a vector instruction. */
  lane = 0;
  /** Labels of a br_table, the default last. */
  targets: readonly number[] = [];

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#r = new Reader(bytes, start, end);
  }

  get position(): number {
    return this.#r.offset;
  }

  get atEnd(): boolean {
    return this.#r.offset >= this.#r.end;
  }

  next(): void {
    const r = this.#r;
    this.offset = r.offset;
    let op = r.byte();
    if (op === 0xfc) op = 0xfc00 + this.#subOpcode();
    if (op === 0xfd) {
      this.#vector();
      return;
    }
    if (op === 0xfe) {
      this.#atomic();
      return;
    }
    this.op = op;
    if (isLoad(op) || isStore(op)) {
      this.#memoryArgument();
    } else if (op >= Op.I32_EQZ && op <= Op.I64_EXTEND32_S) {
      return;
    } else {
      this.#immediates(op);
    }
  }

  #vector(): void {
    const r = this.#r;
    const number = r.u32();
    if (number >= 0x100 && number <= 0x12f) throw unsupported('relaxed SIMD', this.offset);
    this.op = VECTOR_FIRST + number;
    const instruction = VECTOR_INSTRUCTIONS.get(this.op);
    if (!instruction) throw malformed('illegal opcode', this.offset);
    switch (instruction.immediate) {
      case 'none':
        return;
      case 'lane':
        this.lane = r.byte();
        return;
      case 'constant':
      case 'shuffle': {
        const low = r.f64();
        this.bits = low | (r.f64() << 64n);
        return;
      }
      default:
        this.#memoryArgument();
        if (instruction.immediate === 'memory and lane') this.lane = r.byte();
    }
  }

  #atomic(): void {
    this.op = ATOMIC_FIRST + this.#r.u32();
    if (!ATOMIC_INSTRUCTIONS.has(this.op)) throw malformed('illegal opcode', this.offset);
    if (this.op === ATOMIC_FENCE) this.#zero();
    else this.#memoryArgument();
  }

  #subOpcode(): number {
    const number = this.#r.u32();
    if (number > 0xff) throw malformed('illegal opcode', this.offset);
    return number;
  }

  #memoryArgument(): void {
    const r = this.#r;
    this.a = r.u32();
    if (this.a >= 32) throw malformed('malformed memop flags', this.offset);
    this.b = r.u32();
  }

  #immediates(op: number): void {
    const r = this.#r;
    switch (op) {
      case Op.UNREACHABLE:
      case Op.NOP:
      case Op.ELSE:
      case Op.END:
      case Op.RETURN:
      case Op.DROP:
      case Op.SELECT:
      case Op.REF_IS_NULL:
        return;
      case Op.BLOCK:
      case Op.LOOP:
      case Op.IF:
        this.a = this.#blockType();
        return;
      case Op.BR:
      case Op.BR_IF:
      case Op.CALL:
      case Op.RETURN_CALL:
      case Op.LOCAL_GET:
      case Op.LOCAL_SET:
      case Op.LOCAL_TEE:
      case Op.GLOBAL_GET:
      case Op.GLOBAL_SET:
      case Op.DATA_DROP:
      case Op.ELEM_DROP:
      case Op.TABLE_GET:
      case Op.TABLE_SET:
      case Op.TABLE_GROW:
      case Op.TABLE_SIZE:
      case Op.TABLE_FILL:
      case Op.REF_FUNC:
        this.a = r.u32();
        return;
      case Op.REF_NULL:
        this.a = this.#heapType();
        return;
      case Op.BR_TABLE:
        this.targets = this.#labels(r.count() + 1);
        return;
      case Op.CALL_INDIRECT:
      case Op.RETURN_CALL_INDIRECT:
      case Op.TABLE_INIT:
      case Op.TABLE_COPY:
        this.a = r.u32();
        this.b = r.u32();
        return;
      case Op.SELECT_TYPED:
        this.#selectType();
        return;
      case Op.MEMORY_SIZE:
      case Op.MEMORY_GROW:
      case Op.MEMORY_FILL:
        this.#zero();
        return;
      case Op.MEMORY_INIT:
        this.a = r.u32();
        this.#zero();
        return;
      case Op.MEMORY_COPY:
        this.#zero();
        this.#zero();
        return;
      case Op.I32_CONST:
        this.a = r.s32();
        return;
      case Op.I64_CONST:
        this.bits = r.s64();
        return;
      case Op.F32_CONST:
        this.a = r.f32() | 0;
        return;
      case Op.F64_CONST:
        this.bits = r.f64();
        return;
      default: {
        const feature = featureOf(op);
        if (feature) throw unsupported(feature, this.offset);
        if (!SIGNATURES.has(op)) throw malformed('illegal opcode', this.offset);
      }
    }
  }

  #labels(count: number): number[] {
    const labels: number[] = [];
    for (let i = 0; i < count; i++) labels.push(this.#r.u32());
    return labels;
  }

  #zero(): void {
    const offset = this.#r.offset;
    if (this.#r.byte() !== 0) throw malformed('zero byte expected', offset);
  }

  #blockType(): number {
    const r = this.#r;
    const offset = r.offset;
    const type = r.s33();
    if (type >= 0 || type === EMPTY_BLOCK) return type;
    const code = type + 0x80;
    if (code >= Type.F64 && code <= Type.I32) return type;
    if (code === Type.V128 || code === Type.FUNCREF || code === Type.EXTERNREF) return type;
    throw malformed('malformed block type', offset);
  }

  #heapType(): number {
    const offset = this.#r.offset;
    const type = this.#r.s33() + 0x80;
    if (type === Type.FUNCREF || type === Type.EXTERNREF) return type;
    if (type >= 0x80) throw unsupported('function references', offset);
    if (type >= 0x68 && type <= 0x74) throw unsupported('garbage collection', offset);
    throw malformed('malformed reference type', offset);
  }

  #selectType(): void {
    const r = this.#r;
    const offset = r.offset;
    const count = r.u32();
    this.b = count;
    for (let i = 0; i < count; i++) {
      this.a = r.byte();
      if (this.a === Type.FUNCREF || this.a === Type.EXTERNREF) continue;
      if (this.a < Type.V128 || this.a > Type.I32) throw malformed('malformed value type', offset);
    }
  }
}
