import {
  EXCEPTION_STACKS,
  SELECTOR_CODE32,
  SELECTOR_CODE64,
  SELECTOR_DATA,
  SELECTOR_TSS,
} from '../../../boot/memory-map.ts';

/** Bytes of each table. */
export const GDT_SIZE = SELECTOR_TSS + 16;
export const IDT_SIZE = 256 * 16;
export const TSS_SIZE = 104;
/** What LGDT and LIDT read in 64-bit mode: limit u16, base u64. */
export const DESCRIPTOR_TABLE_POINTER_SIZE = 10;

/** Flat segments, with the accessed bit set so that the CPU never writes it. APM2 §4.7, §4.8. */
const CODE64 = 0x00af_9b00_0000_ffffn;
const CODE32 = 0x00cf_9b00_0000_ffffn;
const DATA = 0x00cf_9300_0000_ffffn;
/** Present 64-bit TSS, available; interrupt gate, present. APM2 §4.8.3, §4.8.4. */
const TSS_AVAILABLE = 0x89n;
const INTERRUPT_GATE = 0x8e;

/** The GDT. LTR marks the TSS busy in it, so it lies in writable memory. */
export function gdt(tss: bigint): Uint8Array {
  const bytes = new Uint8Array(GDT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(SELECTOR_CODE64, CODE64, true);
  view.setBigUint64(SELECTOR_DATA, DATA, true);
  view.setBigUint64(SELECTOR_CODE32, CODE32, true);
  const low =
    BigInt(TSS_SIZE - 1) |
    ((tss & 0xff_ffffn) << 16n) |
    (TSS_AVAILABLE << 40n) |
    (((tss >> 24n) & 0xffn) << 56n);
  view.setBigUint64(SELECTOR_TSS, low, true);
  view.setBigUint64(SELECTOR_TSS + 8, tss >> 32n, true);
  return bytes;
}

/** The IDT: every vector an interrupt gate to `handler(vector)`, some on a stack of their own. */
export function idt(handler: (vector: number) => bigint): Uint8Array {
  const bytes = new Uint8Array(IDT_SIZE);
  const view = new DataView(bytes.buffer);
  const stacks = new Map(EXCEPTION_STACKS);
  for (let vector = 0; vector < 256; vector++) {
    const address = handler(vector);
    const gate = vector * 16;
    view.setUint16(gate, Number(address & 0xffffn), true);
    view.setUint16(gate + 2, SELECTOR_CODE64, true);
    view.setUint8(gate + 4, stacks.get(vector) ?? 0);
    view.setUint8(gate + 5, INTERRUPT_GATE);
    view.setUint16(gate + 6, Number((address >> 16n) & 0xffffn), true);
    view.setUint32(gate + 8, Number(address >> 32n), true);
  }
  return bytes;
}

/** The TSS: `tops[i]` is where the stack of {@link EXCEPTION_STACKS}[i] ends. APM2 §12.2.5. */
export function tss(tops: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(TSS_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [i, [, stack]] of EXCEPTION_STACKS.entries()) {
    view.setBigUint64(0x24 + (stack - 1) * 8, tops[i] ?? 0n, true);
  }
  // No I/O permission map: it would begin past the end.
  view.setUint16(0x66, TSS_SIZE, true);
  return bytes;
}

/** The operand of LGDT or LIDT. */
export function descriptorTablePointer(base: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(DESCRIPTOR_TABLE_POINTER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, size - 1, true);
  view.setBigUint64(2, base, true);
  return bytes;
}
