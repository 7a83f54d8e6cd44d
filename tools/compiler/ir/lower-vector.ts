import { mapList } from '../lists.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { VECTOR_FIRST, VECTOR_INSTRUCTIONS, VECTOR_LAST } from '../wasm/simd.ts';
import { Simplifier } from './simplify.ts';
import { type Fn, resolve, type Value } from './value.ts';
import { FLOAT_EXPANSIONS } from './vector-float.ts';
import { INTEGER_EXPANSIONS } from './vector-integer.ts';
import { LANE_EXPANSIONS } from './vector-lanes.ts';
import { type Expansion, type VectorExtensions, VectorMaker } from './vector-maker.ts';
import {
  V128_LOAD,
  V128_LOAD_SPLATS,
  V128_LOAD32_ZERO,
  V128_LOAD64_ZERO,
  V128_STORE,
  V128_STORE_LANES,
} from './vector-ops.ts';
import { SHIFT_EXPANSIONS } from './vector-shift.ts';

const EXPANSIONS: Readonly<Record<string, Expansion>> = {
  ...INTEGER_EXPANSIONS,
  ...SHIFT_EXPANSIONS,
  ...FLOAT_EXPANSIONS,
  ...LANE_EXPANSIONS,
};

/** What always has instructions of its own. */
const KEPT = new Set([V128_LOAD, V128_STORE, V128_LOAD32_ZERO, V128_LOAD64_ZERO]);

/** Replaces Wasm's vector instructions by operations that are one instruction of the processor each. */
export function lowerVectors(fn: Fn, has: VectorExtensions): void {
  const isLowered = ({ op, aux }: Value) =>
    op >= VECTOR_FIRST && op <= VECTOR_LAST && !KEPT.has(op) && !hasOwn(op, aux, has);
  for (const block of fn.blocks) {
    const old = block.body;
    if (!old.some(isLowered)) continue;
    block.body = [];
    let offset = 0;
    const append = (op: number, type: number, args: Value[], imm: number) => {
      const value = fn.value(op, type, mapList(args, resolve), imm, block, offset);
      block.body.push(value);
      return value;
    };
    const integers = new Simplifier(fn, (op, type, args) => append(op, type, args, 0));
    const maker = new VectorMaker(fn, integers, has, append);
    for (const value of old) {
      offset = value.offset;
      if (isLowered(value)) value.replacement = expand(maker, value);
      else block.body.push(value);
    }
  }
}

/** Whether an extension has an instruction for a load into all lanes, or for a store of one. */
function hasOwn(op: number, lane: number, { v2, avx }: VectorExtensions): boolean {
  if (V128_LOAD_SPLATS.has(op)) return avx;
  const width = V128_STORE_LANES.get(op);
  return width !== undefined && (v2 || width === 64 || (width === 32 && lane === 0));
}

function expand(m: VectorMaker, { op, args, imm, aux }: Value): Value | undefined {
  const name = VECTOR_INSTRUCTIONS.get(op)?.name ?? '';
  const operands = mapList(args, resolve);
  const expansion = EXPANSIONS[name];
  if (expansion) return expansion(m, operands, imm);
  const [pointer, vector] = operands as [Value, Value];
  const store = /^v128\.store(\d+)_lane$/.exec(name);
  if (store) {
    storeLane(m, Number(store[1]), pointer, vector, imm, aux);
    return undefined;
  }
  return load(m, name, pointer, vector, imm, aux);
}

/** By width in bits: the scalar load, and the shape of the vector that it belongs into. */
const SCALARS: Readonly<Record<string, { load: number; type: number; shape: string }>> = {
  8: { load: Op.I32_LOAD8_U, type: Type.I32, shape: 'i8x16' },
  16: { load: Op.I32_LOAD16_U, type: Type.I32, shape: 'i16x8' },
  32: { load: Op.F32_LOAD, type: Type.F32, shape: 'f32x4' },
  64: { load: Op.F64_LOAD, type: Type.F64, shape: 'f64x2' },
};

/** Loads that read less than a vector: exactly that much is read. */
function load(
  m: VectorMaker,
  name: string,
  pointer: Value,
  vector: Value,
  offset: number,
  lane: number,
): Value {
  const [, width = '', what = ''] = /^v128\.load(\d+)_(splat|lane)$/.exec(name) ?? [];
  const scalar = SCALARS[width];
  if (scalar) {
    const loaded = m.wasm(scalar.load, scalar.type, [pointer], offset);
    if (what === 'splat') return make(m, `${scalar.shape}.splat`, [loaded], 0);
    return make(m, `${scalar.shape}.replace_lane`, [vector, loaded], lane);
  }
  const [, from = '', sign = ''] = /^v128\.load(\d+)x\d_([su])$/.exec(name) ?? [];
  const loaded = m.wasm(V128_LOAD64_ZERO, Type.V128, [pointer], offset);
  const lanes = 128 / Number(from);
  return make(
    m,
    `i${2 * Number(from)}x${lanes / 2}.extend_low_i${from}x${lanes}_${sign}`,
    [loaded],
    0,
  );
}

/** By width in bits: the lane's extraction, its type and the scalar store. */
const LANE_STORES: Readonly<Record<number, readonly [extract: string, store: number]>> = {
  8: ['i8x16.extract_lane_u', Op.I32_STORE8],
  16: ['i16x8.extract_lane_u', Op.I32_STORE16],
  32: ['i32x4.extract_lane', Op.I32_STORE],
  64: ['i64x2.extract_lane', Op.I64_STORE],
};

function storeLane(
  m: VectorMaker,
  width: number,
  pointer: Value,
  vector: Value,
  offset: number,
  lane: number,
): void {
  const [extract, store] = LANE_STORES[width] as readonly [string, number];
  m.wasm(store, 0, [pointer, make(m, extract, [vector], lane)], offset);
}

function make(m: VectorMaker, name: string, args: readonly Value[], lane: number): Value {
  const expansion = EXPANSIONS[name];
  if (!expansion) throw new TypeError(`no expansion of ${name}`);
  return expansion(m, args, lane);
}
