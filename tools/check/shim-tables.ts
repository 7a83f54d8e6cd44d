import type { Memory } from './program.ts';

/** Exceptions with which the CPU pushes an error code. APM2 §8.2; #VC: §15.35.5. */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
/** EIP, CS, EFLAGS. */
const FRAME = 12;
const DESCRIPTOR_SIZE = 8;
/** A present 32-bit interrupt gate of ring 0. APM2 §4.7.3. */
const INTERRUPT_GATE = 0x8e;

/** A descriptor table, as LGDT and LIDT take it in 32-bit mode. */
export interface Table {
  readonly base: number;
  readonly limit: number;
}

/** What LGDT or LIDT loads from an address. */
export function tableAt(memory: Memory, at: number): Table | undefined {
  const low = memory.u32(at);
  const high = memory.u32(at + 2);
  return low === undefined || high === undefined ? undefined : { limit: low & 0xffff, base: high };
}

/** The mode of code with a selector: flat, present, of ring 0; undefined for any other. APM2 §4.7.2. */
export function modeOf(memory: Memory, { base, limit }: Table, selector: number) {
  const low = memory.u32(base + selector);
  const high = memory.u32(base + selector + 4);
  if (low === undefined || high === undefined || selector % 8 !== 0 || selector + 7 > limit) {
    return undefined;
  }
  const isCode = ((high >> 8) & 0xfe) === 0x9a;
  const isFlat = low === 0xffff && (high & 0xff0f_00ff) === 0x000f_0000;
  const [isLong, isWide] = [(high >> 21) & 1, (high >> 22) & 1];
  if (!isCode || !isFlat || isLong === isWide) return undefined;
  return isLong ? 64 : 32;
}

/** A way into a handler of exceptions. */
export interface Handler {
  readonly start: number;
  /** Bytes that the CPU pushes before it. */
  readonly frame: number;
  readonly selector: number;
}

/** Where the gates of a table lead; undefined for those that are none of ours. APM2 §4.7.3. */
export function handlersOf(memory: Memory, { base, limit }: Table): (Handler | undefined)[] {
  return Array.from({ length: Math.floor((limit + 1) / DESCRIPTOR_SIZE) }, (_, vector) => {
    const low = memory.u32(base + DESCRIPTOR_SIZE * vector);
    const high = memory.u32(base + DESCRIPTOR_SIZE * vector + 4);
    if (low === undefined || high === undefined) return undefined;
    if (((high >> 8) & 0xff) !== INTERRUPT_GATE) return undefined;
    const start = (low & 0xffff) | (high & 0xffff_0000);
    return { start, frame: WITH_ERROR_CODE.has(vector) ? FRAME + 4 : FRAME, selector: low >>> 16 };
  });
}
