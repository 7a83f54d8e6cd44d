import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../../test/random.ts';
import { assemble } from '../assemblyscript.ts';

/** What runtime/decimal.ts exports. */
interface Decimal {
  memory: WebAssembly.Memory;
  formatFloat(bits: bigint, mantissaBits: number): number;
  formattedSize(): number;
  readFloat(from: number, size: number, mantissaBits: number): bigint;
  readFailed(): number;
}

let decimal: Decimal;
beforeAll(async () => {
  const wasm = await assemble('tools/compiler/linux/runtime/decimal.ts');
  const { instance } = await WebAssembly.instantiate(wasm);
  decimal = instance.exports as unknown as Decimal;
  decimal.memory.grow(1);
});

const view = new DataView(new ArrayBuffer(8));

function format64(value: number): string {
  view.setFloat64(0, value);
  return text(view.getBigUint64(0), 52);
}

function format32(value: number): string {
  view.setFloat32(0, value);
  return text(BigInt(view.getUint32(0)), 23);
}

function text(bits: bigint, mantissaBits: number): string {
  const at = decimal.formatFloat(bits, mantissaBits);
  const bytes = new Uint8Array(decimal.memory.buffer, at, decimal.formattedSize());
  return new TextDecoder().decode(bytes);
}

function parse(input: string, mantissaBits: 23 | 52): number | undefined {
  const { buffer } = decimal.memory;
  const bytes = new TextEncoder().encode(input);
  const at = buffer.byteLength - bytes.length;
  new Uint8Array(buffer, at).set(bytes);
  const bits = decimal.readFloat(at, bytes.length, mantissaBits);
  if (decimal.readFailed()) return undefined;
  if (mantissaBits === 23) {
    view.setUint32(0, Number(bits));
    return view.getFloat32(0);
  }
  view.setBigUint64(0, BigInt.asUintN(64, bits));
  return view.getFloat64(0);
}

const edges = [
  1,
  0.1,
  0.5,
  1 / 3,
  9.5,
  10,
  1e21,
  1e22,
  123456789012345680000,
  1e-6,
  1e-7,
  1.5e-7,
  2 ** 53,
  2 ** -1074,
  2 ** -1022,
  2 ** -1022 - 2 ** -1074,
  Number.MAX_VALUE,
  4.35,
  5e-324,
  9007199254740994,
  2 ** 1023,
  8.41e21,
  2.0919495182368195e19,
  9.999999999999999e22,
  2 ** -44,
  2 ** 56,
];

describe('a double in decimal', () => {
  it('is written as JavaScript writes it', () => {
    for (const edge of edges) expect(format64(edge)).toBe(String(edge));
    const next = random();
    for (let i = 0; i < 2000; i++) {
      view.setUint32(0, next());
      view.setUint32(4, next());
      const value = view.getFloat64(0);
      if (!Number.isFinite(value)) continue;
      expect(format64(value), next.seed).toBe(String(value));
    }
  });

  it('is read as JavaScript reads it', () => {
    for (const edge of edges) expect(parse(String(edge), 52)).toBe(edge);
    const next = random();
    for (let i = 0; i < 1000; i++) {
      const digits = `${next()}${next()}${next()}`.slice(0, 1 + (next() % 30));
      const input = `${digits}.${next()}e${(next() % 700) - 350}`;
      expect(parse(input, 52), `${input} ${next.seed}`).toBe(Number(input));
    }
  });

  it('is rounded to even at a tie, and away from it by the last of many digits', () => {
    const tie = '9007199254740993';
    expect(parse(tie, 52)).toBe(9007199254740992);
    expect(parse(`${tie}.${'0'.repeat(900)}1`, 52)).toBe(9007199254740994);
    expect(parse('2.4703282292062327e-324', 52)).toBe(0);
    expect(parse('2.4703282292062328e-324', 52)).toBe(5e-324);
    expect(parse('1.7976931348623159e308', 52)).toBe(Number.POSITIVE_INFINITY);
    expect(parse('1e400000000000', 52)).toBe(Number.POSITIVE_INFINITY);
    expect(parse('1e-400000000000', 52)).toBe(0);
  });
});

describe('a float in decimal', () => {
  it('has the fewest digits that give the same float', () => {
    expect(format32(0.1)).toBe('0.1');
    expect(format32(16777216)).toBe('16777216');
    expect(format32(3.4028234663852886e38)).toBe('3.4028235e+38');
    expect(format32(1e-45)).toBe('1e-45');
    const next = random();
    for (let i = 0; i < 2000; i++) {
      view.setUint32(0, next());
      const value = view.getFloat32(0);
      if (!Number.isFinite(value) || value === 0) continue;
      const written = format32(value);
      expect(Math.fround(Number(written)), `${written} ${next.seed}`).toBe(value);
      expect(digits(written), `${written} ${next.seed}`).toBe(fewestDigits(value));
    }
  });

  it('is read to the nearest float', () => {
    const next = random();
    for (let i = 0; i < 2000; i++) {
      view.setUint32(0, next());
      const value = view.getFloat32(0);
      if (!Number.isFinite(value)) continue;
      expect(parse(value.toPrecision(17), 23), `${value} ${next.seed}`).toBe(value);
    }
    // Half-way between two floats; through a double it would be rounded twice.
    expect(parse('1.00000005960464477540', 23)).toBe(1.0000001192092896);
    expect(parse('1.00000005960464477539', 23)).toBe(1);
  });
});

describe('what is not a number of the line', () => {
  it('has its names', () => {
    expect(format64(Number.NaN)).toBe('NaN');
    expect(format64(-0)).toBe('-0');
    expect(format32(Number.NEGATIVE_INFINITY)).toBe('-Infinity');
    expect(parse('nan', 52)).toBeNaN();
    expect(parse('-inf', 23)).toBe(Number.NEGATIVE_INFINITY);
    expect(parse('Infinity', 52)).toBe(Number.POSITIVE_INFINITY);
    expect(Object.is(parse('-0', 52), -0)).toBe(true);
  });

  it.each(['', '.', '-', 'e5', '1e', '1e+', '1.2.3', '1x', '0x10', '--1', ' 1'])(
    '%j is refused',
    (input) => {
      expect(parse(input, 52)).toBeUndefined();
    },
  );
});

const digits = (written: string) =>
  written.replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '').length;

/** How many significant digits a float needs to be told from its neighbours. */
function fewestDigits(value: number): number {
  for (let count = 1; ; count++) {
    const candidate = value.toPrecision(count);
    if (Math.fround(Number(candidate)) === value) return digits(candidate);
  }
}
