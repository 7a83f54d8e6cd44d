import type { ComparableType } from './values.ts';

/** What a JavaScript host cannot ask V8: the types of a module's exports. */
export interface Signatures {
  readonly functions: ReadonlyMap<string, Signature>;
  readonly globals: ReadonlyMap<string, ComparableType>;
}

export interface Signature {
  readonly params: readonly ComparableType[];
  readonly results: readonly ComparableType[];
}

const types: Readonly<Record<number, ComparableType>> = {
  112: 'funcref',
  111: 'externref',
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
};

/**
 * Reads the types of exported functions and globals from a valid module without imported globals; without
 * those that have to do with v128.
 */
export function signaturesOf(wasm: Uint8Array): Signatures {
  const reader = new Reader(wasm);
  const all: (Signature | undefined)[] = [];
  const functions: number[] = [];
  const globals: (ComparableType | undefined)[] = [];
  const found = {
    functions: new Map<string, Signature>(),
    globals: new Map<string, ComparableType>(),
  };
  reader.at = 8;
  while (reader.at < wasm.length) {
    const id = reader.byte();
    const size = reader.leb();
    const end = reader.at + size;
    if (id === 1) {
      reader.vector(() => {
        reader.byte();
        const params = reader.vector(() => reader.type());
        const results = reader.vector(() => reader.type());
        const isComparable = isKnown(params) && isKnown(results);
        all.push(isComparable ? { params, results } : undefined);
      });
    } else if (id === 2) {
      reader.vector(() => {
        reader.name();
        reader.name();
        if (reader.byte() !== 0) throw new Error('only functions may be imported');
        functions.push(reader.leb());
      });
    } else if (id === 3) {
      reader.vector(() => functions.push(reader.leb()));
    } else if (id === 6) {
      reader.vector(() => {
        globals.push(reader.type());
        reader.byte();
        reader.constant();
      });
    } else if (id === 7) {
      reader.vector(() => {
        const name = reader.name();
        const kind = reader.byte();
        const index = reader.leb();
        const signature = all[functions[index] ?? -1];
        const global = globals[index];
        if (kind === 0 && signature) found.functions.set(name, signature);
        if (kind === 3 && global) found.globals.set(name, global);
      });
    }
    reader.at = end;
  }
  return found;
}

function isKnown(list: readonly (ComparableType | undefined)[]): list is ComparableType[] {
  return !list.includes(undefined);
}

class Reader {
  at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    const value = this.bytes[this.at] ?? 0;
    this.at += 1;
    return value;
  }

  /** Of a signed one only the length counts. Wasm §5.2.2. */
  leb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  vector<T>(read: () => T): T[] {
    return Array.from({ length: this.leb() }, read);
  }

  name(): string {
    const size = this.leb();
    this.at += size;
    return new TextDecoder().decode(this.bytes.subarray(this.at - size, this.at));
  }

  /** Undefined for a v128, which JavaScript can not have. */
  type(): ComparableType | undefined {
    const code = this.byte();
    if (!types[code] && code !== 123) throw new Error(`no type at ${this.at - 1}`);
    return types[code];
  }

  /** Steps over a global's initial value: one constant and `end`. */
  constant(): void {
    const opcode = this.byte();
    if (opcode === 0x43) this.at += 4;
    else if (opcode === 0xfd) this.at += 17;
    else if (opcode === 0x44) this.at += 8;
    else this.leb();
    this.byte();
  }
}
