import { UserError } from '../../errors.ts';

/** The three ways in which a module is refused, each with the offset of the byte that is to blame. */
export function malformed(what: string, offset: number): UserError {
  return new UserError(`malformed: ${what} at offset ${hex(offset)}`);
}

export function invalid(what: string, offset: number): UserError {
  return new UserError(`invalid: ${what} at offset ${hex(offset)}`);
}

export function unsupported(feature: string, offset: number): UserError {
  return new UserError(`unsupported: ${feature} at offset ${hex(offset)}`);
}

function hex(offset: number): string {
  return `0x${offset.toString(16)}`;
}

/**
 * Reads the binary format's primitives (Wasm 2.0 §5.2) from `offset` up to `end`, and never a byte
 * more. Every method throws `malformed:` where the bytes are not what it reads.
 */
export class Reader {
  readonly bytes: Uint8Array;
  offset: number;
  end: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    if (this.offset >= this.end) throw malformed('unexpected end', this.offset);
    return this.bytes[this.offset++] as number;
  }

  u32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    const start = this.offset - 1;
    let result = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    const last = this.byte();
    if (last & 0x80) throw malformed('integer representation too long', start);
    if (last > 0x0f) throw malformed('integer too large', start);
    return (result | (last << 28)) >>> 0;
  }

  s32(): number {
    const start = this.offset;
    let result = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (result << (25 - shift)) >> (25 - shift);
    }
    const last = this.byte();
    if (last & 0x80) throw malformed('integer representation too long', start);
    const sign = last & 0x78;
    if (sign !== 0 && sign !== 0x78) throw malformed('integer too large', start);
    return result | (last << 28);
  }

  /** A block type's index: 33 bits, signed. */
  s33(): number {
    const start = this.offset;
    let result = 0;
    let scale = 1;
    for (let i = 0; i < 4; i++) {
      const byte = this.byte();
      result += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) return byte & 0x40 ? result - scale : result;
    }
    const last = this.byte();
    if (last & 0x80) throw malformed('integer representation too long', start);
    const sign = last & 0x70;
    if (sign !== 0 && sign !== 0x70) throw malformed('integer too large', start);
    return result + (last & 0x0f) * scale - (sign ? 0x10 * scale : 0);
  }

  s64(): bigint {
    const start = this.offset;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low << (25 - shift)) >> (25 - shift));
    }
    let result = BigInt(low);
    for (let shift = 28n; shift < 63n; shift += 7n) {
      const byte = this.byte();
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(Number(shift) + 7, result);
    }
    const last = this.byte();
    if (last & 0x80) throw malformed('integer representation too long', start);
    if (last !== 0 && last !== 0x7f) throw malformed('integer too large', start);
    return BigInt.asIntN(64, result | (BigInt(last) << 63n));
  }

  /** The bit pattern of an f32. */
  f32(): number {
    const at = this.#skip(4);
    return this.#view.getUint32(at, true);
  }

  /** The bit pattern of an f64. */
  f64(): bigint {
    const at = this.#skip(8);
    return this.#view.getBigUint64(at, true);
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A number of elements, each of which takes at least a byte. */
  count(): number {
    const start = this.offset;
    const n = this.u32();
    if (n > this.end - this.offset) throw malformed('length out of bounds', start);
    return n;
  }

  name(): string {
    const start = this.offset;
    const bytes = this.take(this.u32());
    try {
      return UTF8.decode(bytes);
    } catch {
      throw malformed('malformed UTF-8 encoding', start);
    }
  }

  #skip(length: number): number {
    const at = this.offset;
    if (length > this.end - at) {
      throw malformed(length > 8 ? 'length out of bounds' : 'unexpected end', at);
    }
    this.offset = at + length;
    return at;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
