import { ATOMIC_INSTRUCTIONS } from '../../tools/compiler/wasm/atomics.ts';
import { decode } from '../../tools/compiler/wasm/decode.ts';
import { InstructionReader, typeCode } from '../../tools/compiler/wasm/instructions.ts';
import type { FunctionBody, Module } from '../../tools/compiler/wasm/module.ts';
import { functionType } from '../../tools/compiler/wasm/module.ts';
import { Op, SIGNATURES, Type } from '../../tools/compiler/wasm/opcodes.ts';
import { VECTOR_FIRST, VECTOR_INSTRUCTIONS } from '../../tools/compiler/wasm/simd.ts';
import { leb, signedLeb, withSections } from './sections.ts';

/** Where a module's memory lies in the low 4 GiB: above the run-time's own data, below its code. */
export const LOW_MEMORY = { start: 0x400_0000, end: 0x800_0000 } as const;

/** Name of the export that hashes the memory, () -> i64. */
export const DIGEST = 'digest of the memory';

const PAGE = 0x1_0000;

/** Temporaries that every function gets after its locals, by type: as many as one instruction needs. */
const TEMPORARIES: readonly number[] = [
  Type.I32,
  Type.I32,
  Type.I64,
  Type.I64,
  Type.F32,
  Type.F64,
  Type.V128,
];

/**
 * The same module with its memory at LOW_MEMORY: every address is moved up, by its instruction's offset
 * where it has one and by an addition where not, so that both go through address folding. The memory's size is
 * kept in a global, since at base 0 it is always 4 GiB. Undefined if it has no such memory, or no globals.
 */
export function atLowMemory(wasm: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const module = decode(wasm);
  const [memory] = module.memories;
  const room = (LOW_MEMORY.end - LOW_MEMORY.start) / PAGE;
  if (!memory || memory.importIndex !== undefined || memory.limits.min > room) return undefined;
  if (module.globals.length === 0) return undefined;
  const rewriter = new Rewriter(module, Math.min(memory.limits.max ?? room, room));
  const end = LOW_MEMORY.end / PAGE;
  const flags = memory.shared ? 3 : 1;
  return withSections(wasm, {
    type: ({ count, entries }) => [...leb(count + 1), ...entries, 0x60, 0, 1, Type.I64],
    function: ({ count, entries }) => [...leb(count + 1), ...entries, ...leb(module.types.length)],
    memory: () => [1, flags, ...leb(end), ...leb(end)],
    global: ({ count, entries }) => [
      ...[...leb(count + 1), ...entries],
      ...[Type.I32, 1, Op.I32_CONST, ...signedLeb(memory.limits.min), Op.END],
    ],
    export: () => rewriter.exports(),
    code: ({ count }) => [...leb(count + 1), ...rewriter.bodies(), ...rewriter.digest()],
    data: () => rewriter.data(),
  });
}

class Rewriter {
  readonly #module: Module;
  /** What memory.grow may not pass. */
  readonly #maxPages: number;
  /** Index of the global that holds the memory's size in pages. */
  readonly #pages: number;

  constructor(module: Module, maxPages: number) {
    this.#module = module;
    this.#maxPages = maxPages;
    this.#pages = module.globals.length;
  }

  exports(): number[] {
    const kept = this.#module.exports.filter(({ kind }) => kind !== 'memory');
    const kinds = { function: 0, table: 1, memory: 2, global: 3 };
    const entries = kept.flatMap(({ name, kind, index }) => [
      ...nameBytes(name),
      kinds[kind],
      ...leb(index),
    ]);
    const digest = [...nameBytes(DIGEST), 0, ...leb(this.#module.functions.length)];
    return [...leb(kept.length + 1), ...entries, ...digest];
  }

  data(): number[] {
    const entries = this.#module.data.flatMap(({ mode, bytes }) => {
      const contents = [...leb(bytes.length), ...bytes];
      if (mode.kind === 'passive') return [1, ...contents];
      if (mode.kind !== 'active' || mode.at.kind !== 'i32') throw new Error('no constant offset');
      const offset = (Number(mode.at.bits) + LOW_MEMORY.start) | 0;
      return [0, Op.I32_CONST, ...signedLeb(offset), Op.END, ...contents];
    });
    return [...leb(this.#module.data.length), ...entries];
  }

  bodies(): number[] {
    return this.#module.functions.flatMap(({ body }, index) => {
      if (!body) return [];
      const locals = [...body.locals.map(typeCode), ...TEMPORARIES];
      const { params } = functionType(this.#module, index);
      const code = this.#code(body, params.length + body.locals.length);
      return sized([...leb(locals.length), ...locals.flatMap((type) => [1, type]), ...code]);
    });
  }

  #code({ start, end }: FunctionBody, temporaries: number): number[] {
    const { bytes } = this.#module;
    const code: number[] = [];
    const reader = new InstructionReader(bytes, start, end);
    while (!reader.atEnd) {
      reader.next();
      const original = bytes.subarray(reader.offset, reader.position);
      code.push(...(this.#replacement(reader, original, temporaries) ?? original));
    }
    return code;
  }

  /** What stands for an instruction that has to do with the memory. */
  #replacement(
    { op, a, b, lane }: InstructionReader,
    original: Uint8Array,
    temporaries: number,
  ): number[] | undefined {
    const moved = (operands: readonly number[], isAddress: readonly boolean[]) =>
      moveUp(operands, isAddress, temporaries);
    const vector = VECTOR_INSTRUCTIONS.get(op);
    const access =
      op >= Op.I32_LOAD && op <= Op.I64_STORE32
        ? SIGNATURES.get(op)
        : vector?.immediate.startsWith('memory')
          ? vector.signature
          : ATOMIC_INSTRUCTIONS.get(op)?.signature;
    if (access && access.params.length > 0) {
      if (b === 0) return [...moved(access.params.slice(1), [true]), ...original];
      const code = op > 0xff ? [op >> 8, ...leb(vector ? op - VECTOR_FIRST : op & 0xff)] : [op];
      const offset = Math.min(b + LOW_MEMORY.start, 0xffff_ffff);
      const lanes = vector?.immediate === 'memory and lane' ? [lane] : [];
      return [...code, ...leb(a), ...leb(offset), ...lanes];
    }
    switch (op) {
      case Op.MEMORY_SIZE:
        return [Op.GLOBAL_GET, ...leb(this.#pages)];
      case Op.MEMORY_GROW:
        return this.#grow(temporaries);
      case Op.MEMORY_FILL:
      case Op.MEMORY_INIT:
        return [...moved([Type.I32, Type.I32], [true]), ...original];
      case Op.MEMORY_COPY:
        return [...moved([Type.I32, Type.I32], [true, true]), ...original];
      default:
        return undefined;
    }
  }

  /** Leaves the old size where the new one is allowed, else -1. */
  #grow(delta: number): number[] {
    const pages = leb(this.#pages);
    return [
      ...[Op.LOCAL_SET, ...leb(delta), Op.BLOCK, Type.I32, Op.I32_CONST, 0x7f],
      ...[Op.LOCAL_GET, ...leb(delta), Op.I32_CONST, ...signedLeb(this.#maxPages)],
      ...[Op.GLOBAL_GET, ...pages, Op.I32_SUB, Op.I32_GT_U, Op.BR_IF, 0, Op.DROP],
      ...[Op.GLOBAL_GET, ...pages, Op.GLOBAL_GET, ...pages, Op.LOCAL_GET, ...leb(delta)],
      ...[Op.I32_ADD, Op.GLOBAL_SET, ...pages, Op.END],
    ];
  }

  /** hash = rotl(hash ^ word, 5) * constant, over the memory's words. */
  digest(): number[] {
    const [at, hash] = [0, 1];
    const word = [Op.LOCAL_GET, at, Op.I64_LOAD, 3, ...leb(LOW_MEMORY.start)];
    const factor = [...leb(0x9e37_79b1)];
    return sized([
      ...[2, 1, Type.I32, 1, Type.I64, Op.LOOP, 0x40],
      ...[Op.LOCAL_GET, hash, ...word, Op.I64_XOR, Op.I64_CONST, 5, Op.I64_ROTL],
      ...[Op.I64_CONST, ...factor, Op.I64_MUL, Op.LOCAL_SET, hash],
      ...[Op.LOCAL_GET, at, Op.I32_CONST, 8, Op.I32_ADD, Op.LOCAL_TEE, at],
      ...[Op.GLOBAL_GET, ...leb(this.#pages), Op.I32_CONST, 16, Op.I32_SHL],
      ...[Op.I32_LT_U, Op.BR_IF, 0, Op.END, Op.LOCAL_GET, hash, Op.END],
    ]);
  }
}

/** Adds to addresses on the stack that lie below `operands`: the first one, then those of them that are addresses. */
function moveUp(
  operands: readonly number[],
  isAddress: readonly boolean[],
  temporaries: number,
): number[] {
  const used = new Map<number, number>();
  const places = operands.map((type) => {
    const nth = used.get(type) ?? 0;
    used.set(type, nth + 1);
    return temporaries + TEMPORARIES.indexOf(type) + nth;
  });
  const add = [Op.I32_CONST, ...signedLeb(LOW_MEMORY.start), Op.I32_ADD];
  const save = places.toReversed().flatMap((place) => [Op.LOCAL_SET, ...leb(place)]);
  const restore = places.flatMap((place, i) => [
    ...[Op.LOCAL_GET, ...leb(place)],
    ...(isAddress[i + 1] ? add : []),
  ]);
  return [...save, ...add, ...restore];
}

function sized(bytes: readonly number[]): number[] {
  return [...leb(bytes.length), ...bytes];
}

function nameBytes(name: string): number[] {
  return sized([...new TextEncoder().encode(name)]);
}
