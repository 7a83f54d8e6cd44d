import { VECTOR_INSTRUCTIONS, type VectorInstruction } from '../tools/compiler/wasm/simd.ts';

/** By value type: a local with a value of it, and how one is made a vector. */
const TYPES: Readonly<Record<number, { local: string; vector: (text: string) => string }>> = {
  127: { local: '$i', vector: (text) => `(i32x4.splat ${text})` },
  126: { local: '$l', vector: (text) => `(i64x2.splat ${text})` },
  125: { local: '$f', vector: (text) => `(f32x4.splat ${text})` },
  124: { local: '$d', vector: (text) => `(f64x2.splat ${text})` },
  123: { local: '$a', vector: (text) => text },
};

/** Operations on numbers that XMM registers hold too. */
const SCALARS = [
  ...['add', 'sub', 'mul', 'div', 'min', 'max', 'copysign'].flatMap((name) => [
    `(f32x4.splat (f32.${name} (local.get $f) (local.get $g)))`,
    `(f64x2.splat (f64.${name} (local.get $d) (local.get $e)))`,
    `(f64x2.splat (f64.${name} (local.get $d) (f64.load offset=8 (i32.const 256))))`,
  ]),
  ...['abs', 'neg', 'sqrt', 'ceil', 'floor', 'trunc', 'nearest'].flatMap((name) => [
    `(f32x4.splat (f32.${name} (local.get $f)))`,
    `(f64x2.splat (f64.${name} (local.get $d)))`,
  ]),
  ...['eq', 'lt', 'ge'].map((name) => `(i32x4.splat (f64.${name} (local.get $d) (local.get $e)))`),
  ...['i32', 'i64'].flatMap((type) =>
    ['s', 'u'].flatMap((sign) => [
      `(f64x2.splat (f64.convert_${type}_${sign} (local.get ${type === 'i32' ? '$i' : '$l'})))`,
      `(f32x4.splat (f32.convert_${type}_${sign} (local.get ${type === 'i32' ? '$i' : '$l'})))`,
      `(${type === 'i32' ? 'i32x4' : 'i64x2'}.splat (${type}.trunc_sat_f64_${sign} (local.get $d)))`,
    ]),
  ),
  '(f32x4.splat (f32.demote_f64 (local.get $d)))',
  '(f64x2.splat (f64.promote_f32 (local.get $f)))',
  '(select (local.get $a) (local.get $b) (local.get $i))',
];

const SHUFFLES = [
  '0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23',
  '5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20',
  '8 9 10 11 0 1 2 3 20 21 22 23 28 29 30 31',
  '0 1 18 19 4 5 22 23 8 9 10 11 28 29 30 31',
  '31 0 29 3 27 5 25 7 23 9 21 11 19 13 17 15',
];

/** What an instruction does in the program; undefined for a constant. */
function use({ name, signature, immediate }: VectorInstruction): string | undefined {
  if (immediate === 'constant') return undefined;
  if (immediate === 'shuffle') {
    return SHUFFLES.map((lanes) => mix(`(${name} ${lanes} (local.get $a) (local.get $b))`)).join(
      '\n',
    );
  }
  const touches = immediate.startsWith('memory');
  const text = `${name}${touches ? ' offset=3' : ''}${immediate.endsWith('lane') ? ' 1' : ''}`;
  const operands = signature.params.map((type, i) => {
    if (touches && i === 0) return '(i32.const 256)';
    const { local } = TYPES[type] as { local: string };
    return `(local.get ${i > 0 && local === '$a' ? (i > 1 ? '$c' : '$b') : local})`;
  });
  const call = `(${text} ${operands.join(' ')})`;
  if (signature.result === undefined || signature.result === 0) return call;
  return mix((TYPES[signature.result] as (typeof TYPES)[number]).vector(call));
}

/** Takes a vector into the sum of all. */
function mix(vector: string): string {
  return `(local.set $sum (i8x16.add (i8x16.shuffle 15 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14
    (local.get $sum) (local.get $sum)) ${vector}))`;
}

const NEXT = `(local.set $l (i64.add (i64.mul (local.get $l) (i64.const 6364136223846793005))
  (i64.const 1442695040888963407)))`;

/**
 * A WASI program with every vector instruction, and those on floats, over values of all kinds: it
 * writes 32 hexadecimal digits that depend on each bit of each result.
 */
export function vectorProgram(rounds = 24): string {
  const body = [...VECTOR_INSTRUCTIONS.values()].map(use).filter((text) => text !== undefined);
  const random = (local: string) =>
    `${NEXT} (local.set ${local} (i64x2.replace_lane 1 (i64x2.splat (local.get $l))
      (i64.rotl (local.get $l) (i64.const 29))))`;
  return `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "0123456789abcdef")
    (data (i32.const 32) "\\40\\00\\00\\00\\21\\00\\00\\00")
    (func $mix (param $l i64) (param $round i32) (param $sum v128) (result v128)
      (local $a v128) (local $b v128) (local $c v128) (local $i i32)
      (local $f f32) (local $g f32) (local $d f64) (local $e f64)
      ${random('$a')} ${random('$b')} ${random('$c')}
      (v128.store (i32.const 256) (local.get $c))
      (v128.store (i32.const 272) (local.get $a))
      (if (i32.and (local.get $round) (i32.const 1))
        (then (local.set $a (f32x4.convert_i32x4_s (local.get $a)))
          (local.set $b (f32x4.convert_i32x4_s (local.get $b)))))
      (if (i32.and (local.get $round) (i32.const 2))
        (then (local.set $a (f64x2.convert_low_i32x4_s (local.get $a)))
          (local.set $b (f64x2.convert_low_i32x4_u (local.get $b)))))
      (local.set $i (i32.wrap_i64 (local.get $l)))
      (local.set $f (f32x4.extract_lane 0 (local.get $a)))
      (local.set $g (f32x4.extract_lane 1 (local.get $b)))
      (local.set $d (f64x2.extract_lane 0 (local.get $a)))
      (local.set $e (f64x2.extract_lane 1 (local.get $b)))
      ${body.join('\n')}
      ${SCALARS.map(mix).join('\n')}
      ${mix('(v128.load (i32.const 256))')}
      (local.get $sum))
    (func (export "_start") (local $n i32) (local $sum v128)
      (loop $round
        (local.set $sum (call $mix (i64.extend_i32_u (local.get $n)) (local.get $n) (local.get $sum)))
        (br_if $round (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const ${rounds}))))
      (v128.store (i32.const 512) (local.get $sum))
      (local.set $n (i32.const 0))
      (loop $digit
        (i32.store8 offset=64 (local.get $n) (i32.load8_u (i32.and (i32.const 15)
          (i32.shr_u (i32.load8_u offset=512 (i32.shr_u (local.get $n) (i32.const 1)))
            (select (i32.const 0) (i32.const 4) (i32.and (local.get $n) (i32.const 1)))))))
        (br_if $digit (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 32))))
      (i32.store8 (i32.const 96) (i32.const 10))
      (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 48)))))`;
}
