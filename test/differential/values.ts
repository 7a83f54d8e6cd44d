import type { Random } from '../random.ts';

/** Numeric value types as --batch names them. */
export type NumericType = 'i32' | 'i64' | 'f32' | 'f64';

/** What JavaScript can pass to Wasm and get from it. */
export type ComparableType = NumericType | 'funcref' | 'externref';

const scratch = new DataView(new ArrayBuffer(8));

/** A value as --batch writes it, a reference by {@link withoutReferences}. */
export function formatComparable(type: ComparableType, value: unknown): string {
  if (type === 'funcref' || type === 'externref') return `${type}:${value === null ? 'null' : '*'}`;
  return formatValue(type, value as number | bigint);
}

/** A --batch answer without telling which function a funcref is to: V8 numbers none. */
export function withoutReferences(answer: string): string {
  return answer.replaceAll(/\b(funcref|externref):[0-9a-f]+/g, '$1:*');
}

/** A value as --batch writes it; every NaN is `nan`, since Wasm leaves its bits open. Wasm §4.3.3. */
export function formatValue(type: NumericType, value: number | bigint): string {
  if (Number.isNaN(value)) return `${type}:nan`;
  return `${type}:${bitsOf(type, value).toString(16).padStart(digits[type], '0')}`;
}

const digits: Readonly<Record<NumericType, number>> = { i32: 8, i64: 16, f32: 8, f64: 16 };

function bitsOf(type: NumericType, value: number | bigint): bigint {
  switch (type) {
    case 'i32':
      return BigInt.asUintN(32, BigInt(value));
    case 'i64':
      return BigInt.asUintN(64, BigInt(value));
    case 'f32':
      scratch.setFloat32(0, Number(value));
      return BigInt(scratch.getUint32(0));
    case 'f64':
      scratch.setFloat64(0, Number(value));
      return scratch.getBigUint64(0);
  }
}

/** The value of `TYPE:HEX` as JavaScript passes it to Wasm. */
export function parseValue(text: string): number | bigint | null {
  const [type, hex] = text.split(':');
  if (hex === 'null') return null;
  const bits = BigInt(`0x${hex}`);
  switch (type) {
    case 'i32':
      return Number(BigInt.asIntN(32, bits));
    case 'i64':
      return BigInt.asIntN(64, bits);
    case 'f32':
      scratch.setUint32(0, Number(bits));
      return scratch.getFloat32(0);
    case 'f64':
      scratch.setBigUint64(0, bits);
      return scratch.getFloat64(0);
    default:
      throw new TypeError(`${text} is no numeric value`);
  }
}

/** An answer of --batch with its NaNs as {@link formatValue} has them. */
export function withoutNanBits(answer: string): string {
  return answer.replaceAll(/\b(f32|f64):([0-9a-f]+)/g, (text, type: NumericType) => {
    const value = parseValue(text) as number | bigint;
    return Number.isNaN(value) ? formatValue(type, value) : text;
  });
}

const integers = [
  0n,
  1n,
  2n,
  7n,
  8n,
  31n,
  32n,
  63n,
  64n,
  127n,
  128n,
  255n,
  256n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff0n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];

const floats = [
  0,
  -0,
  0.5,
  -0.5,
  1,
  -1,
  1.5,
  2.5,
  2 ** 24 + 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 31 - 1,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
  2 ** -126,
  2 ** -149,
  2 ** -1022,
  5e-324,
  3.4028234663852886e38,
  Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

/** An operand as --batch takes it: mostly from the edges of the type, sometimes any bits. */
export function edgeOperand(type: ComparableType, next: Random): string {
  if (type === 'funcref' || type === 'externref') return `${type}:null`;
  const width = digits[type] * 4;
  let bits = (BigInt(next()) << 32n) | BigInt(next());
  if (next() % 4 !== 0) {
    const isInteger = type === 'i32' || type === 'i64';
    bits = isInteger
      ? (integers[next() % integers.length] ?? 0n)
      : bitsOf(type, floats[next() % floats.length] ?? 0);
  }
  return `${type}:${BigInt.asUintN(width, bits).toString(16).padStart(digits[type], '0')}`;
}
