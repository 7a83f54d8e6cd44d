/** Pieces of AssemblyScript that the operations are put together from. */

export type Width = 8 | 16 | 32 | 64;

/** Go on with the next record. */
export const NEXT = 'p += 32; continue;';

/** The linear address that the record's own terms give. */
export const ADDRESS =
  '(load<u64>(<usize>load<u8>(p, 4), REGISTERS) + ' +
  '(load<u64>(<usize>load<u8>(p, 5), REGISTERS) << (<u64>load<u8>(p, 6))) + ' +
  '<u64>(<i64>load<i32>(p, 16)))';

/** A general register named by the record's byte 2 (destination) or 3 (source). */
export function register(width: Width, field: 2 | 3): string {
  return `load<u${width}>(<usize>load<u8>(p, ${field}), REGISTERS)`;
}

/** Writes the destination register; 32 bits clear the upper half. */
export function setRegister(width: Width, value: string, field: 2 | 3 = 2): string {
  const at = `<usize>load<u8>(p, ${field})`;
  if (width === 32) return `store<u64>(${at}, <u64>(${value}), REGISTERS);`;
  return `store<u${width}>(${at}, ${value}, REGISTERS);`;
}

export function immediate(width: Width): string {
  return `load<u${width}>(p, 8)`;
}

/** The value shifted to the top of 64 bits. */
export function top(width: Width, value: string): string {
  return width === 64 ? `(${value})` : `((<u64>(${value})) << ${64 - width})`;
}

/** `at`: where `width` bits of `address` are to be loaded from. */
export function readable(width: number, address = ADDRESS, stack = 'throughStack(p)'): string {
  return reachable('TLB_READ', 'readPointer', width, address, stack);
}

/** `at`: where `width` bits of `address` are to be loaded from and stored to; then comes {@link WRITTEN}. */
export function modifiable(width: number, address = ADDRESS, stack = 'throughStack(p)'): string {
  return reachable('TLB_WRITE', 'modifyPointer', width, address, stack);
}

/** `at`: where `width` bits of `address` are to be stored to; then comes {@link WRITTEN}. */
export function writable(width: number, address = ADDRESS, stack = 'throughStack(p)'): string {
  return reachable('TLB_WRITE', 'writePointer', width, address, stack);
}

function reachable(
  tlb: string,
  miss: string,
  width: number,
  address: string,
  stack: string,
): string {
  const bytes = width / 8;
  return `
    const linear: u64 = ${address};
    const entry: usize = ${tlb} + (<usize>(linear >> 8) & 0xfff0);
    let at: usize = <usize>linear + load<u32>(entry, 8);
    if (load<u64>(entry) !== ((linear + ${bytes - 1}) & PAGE_MASK)) {
      at = ${miss}(linear, ${bytes}, ${stack});
      if (at === 0) break;
    }`;
}

/** After a store to `at` of {@link modifiable}. */
export const WRITTEN = 'if (at < BOUNCE_END) finishWrite();';

/** Stores `value` at `address`. */
export function storeMemory(
  width: Width,
  value: string,
  address = ADDRESS,
  stack = 'throughStack(p)',
): string {
  const bytes = width / 8;
  return `
    const linear: u64 = ${address};
    const entry: usize = TLB_WRITE + (<usize>(linear >> 8) & 0xfff0);
    if (load<u64>(entry) === ((linear + ${bytes - 1}) & PAGE_MASK)) {
      store<u${width}>(<usize>linear + load<u32>(entry, 8), ${value});
    } else if (!writeMemory(linear, ${bytes}, <u64>(${value}), ${stack})) break;`;
}

/** Kind word of the lazy flags for an operand size. */
export function kind(name: string, width: Width): string {
  return `${name} | ${(64 - width) << 8}`;
}

export const flags = {
  /** `c = a + b`. */
  add: (width: Width) =>
    `result = ${top(width, 'c')}; first = result; second = ${top(width, 'b')}; kind = ${kind('ADD', width)};`,
  /** `c = a - b`. */
  sub: (width: Width) =>
    `result = ${top(width, 'c')}; first = ${top(width, 'a')}; second = ${top(width, 'b')}; kind = ${kind('SUB', width)};`,
  /** `c`, without carry or overflow. */
  logic: (width: Width) =>
    `result = ${top(width, 'c')}; first = 0; second = 0; kind = ${kind('LOGIC', width)};`,
  /** `c = a + 1` or `a - 1`; the carry stays. */
  step: (width: Width, name: 'INC' | 'DEC') => {
    // An earlier sum or difference keeps more than the carry in the two values: only its CF is kept.
    return `result = ${top(width, 'c')}; kind = ${kind(name, width)};`;
  },
  /** `c`, with `carry` and `over` as 0 or 1. */
  partial: (width: Width, carry: string, over: string) =>
    `result = ${top(width, 'c')}; first = 0; second = <u64>(${carry}); bits = <u32>(${over}) << 11; kind = ${kind('PARTIAL', width)};`,
} as const;

/** Conditions by code, as expressions over the lazy flags. APM3 §3, Jcc. */
const UNNEGATED = [
  'overflow(kind, result, first, second, bits) !== 0',
  'first < second',
  'result === 0',
  'first < second || result === 0',
  '((kind & 0xff) === FULL ? (bits & 0x80) !== 0 : <i64>result < 0)',
  'parity(kind, result, bits) !== 0',
  'less(kind, result, first, second, bits)',
  'result === 0 || less(kind, result, first, second, bits)',
];

export function condition(code: number): string {
  const plain = UNNEGATED[code >> 1] ?? 'false';
  return code & 1 ? `!(${plain})` : plain;
}

/**
 * Leaves the block for the record's target. Within the page the link holds as long as the block
 * does; into another page, as long as the execute TLB has that page.
 */
export function branch(near: boolean): string {
  const holds = near ? 'to !== 0' : 'to !== 0 && load<u32>(load<u32>(to, 28), 8) !== 0';
  return `
    fuel -= <i64>load<u8>(p, 7);
    if (fuel < 0) { store<u64>(RIP, load<u64>(p, 8)); setPending(STOP); break; }
    let to: usize = load<u32>(p, 20);
    if (!(${holds})) { to = follow(p); if (to === 0) break; }
    p = to; continue;`;
}

/** Leaves the block for the address in `target`. */
export const INDIRECT = `
    if (((<i64>(target << 16)) >> 16) !== <i64>target) { raiseGp(0); break; }`;

export const GO = `
    fuel -= <i64>load<u8>(p, 7);
    if (fuel < 0) { store<u64>(RIP, target); setPending(STOP); break; }
    const cell: usize = TLB_EXECUTE + (<usize>(target >> 8) & 0x3ff0);
    if (load<u64>(cell) === (target & PAGE_MASK)) {
      const to: usize = load<u32>(load<u32>(cell, 8) + ((<usize>target & 0xfff) << 2), PAGE_SLOTS);
      if (to !== 0) { p = to; continue; }
    }
    p = followTo(target);
    if (p === 0) break;
    continue;`;
