/** Sections of a module that can be rewritten, by their ids. Wasm §5.5.2. */
const IDS = { type: 1, function: 3, memory: 5, global: 6, export: 7, code: 10, data: 11 } as const;

/** A section that is a vector: its length, and the bytes of its entries. */
export interface Section {
  readonly count: number;
  readonly entries: Uint8Array;
}

/** The sections of a module in order, each with its id and contents. Wasm §5.5. */
export function* sections(wasm: Uint8Array): Generator<[id: number, contents: Uint8Array]> {
  for (let at = 8; at < wasm.length; ) {
    const [size, start] = readLeb(wasm, at + 1);
    yield [wasm[at] ?? 0, wasm.subarray(start, start + size)];
    at = start + size;
  }
}

/** The module with the contents of some sections, which it has, replaced by others. */
export function withSections(
  wasm: Uint8Array,
  rewrite: { readonly [name in keyof typeof IDS]?: (section: Section) => ArrayLike<number> },
): Uint8Array<ArrayBuffer> {
  const rewriters = new Map(
    Object.entries(rewrite).map(([name, rewriter]) => [IDS[name as keyof typeof IDS], rewriter]),
  );
  const parts: Uint8Array[] = [wasm.subarray(0, 8)];
  for (const [id, contents] of sections(wasm)) {
    const rewriter = rewriters.get(id as (typeof IDS)[keyof typeof IDS]);
    const [count, entries] = readLeb(contents, 0);
    const bytes = rewriter?.({ count, entries: contents.subarray(entries) }) ?? contents;
    parts.push(Uint8Array.from([id, ...leb(bytes.length)]), Uint8Array.from(bytes));
  }
  return Uint8Array.from(Buffer.concat(parts));
}

/** An unsigned LEB128 and the offset after it. Wasm §5.2.2. */
export function readLeb(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at] ?? 0;
    at += 1;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

export function leb(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...leb(Math.floor(value / 128))];
}

/** A 32-bit number as a signed LEB128. */
export function signedLeb(value: number): number[] {
  const isLast = value >= -64 && value < 64;
  return isLast ? [value & 127] : [(value & 127) | 128, ...signedLeb(value >> 7)];
}
