/** What stands in an instruction's operands: registers by number, memory, symbols and labels. */

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

/** The same registers under the names that 32-bit code knows them by. */
export const EAX = RAX;
export const ECX = RCX;
export const EDX = RDX;
export const EBX = RBX;
export const ESP = RSP;
export const EBP = RBP;
export const ESI = RSI;
export const EDI = RDI;

/** Numbers of the segment registers. */
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

/** Of {@link Memory}: no register there. */
export const NONE = -1;

/** A place in the code that is being assembled; made by `Assembler.label`. */
export type Label = number & { readonly brand: 'label' };

/** The address of a symbol, and a distance from it, which the linker fills in. */
export interface SymbolReference {
  readonly symbol: string;
  readonly addend: number;
}

/** [base + index * scale + displacement], or relative to RIP, or absolute. */
export interface Memory {
  /** Register number, or {@link NONE}. */
  readonly base: number;
  readonly index: number;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: number;
  /** Added to the displacement; with `relative` the operand is [rip + symbol]. */
  readonly symbol: string | undefined;
  readonly label: Label | undefined;
  readonly relative: boolean;
  /** Number of the segment register that overrides the default one, or {@link NONE}. */
  readonly segment: number;
  /** 32-bit addresses in 64-bit mode (prefix 67). */
  readonly address32: boolean;
}

const PLAIN = {
  base: NONE,
  index: NONE,
  scale: 1,
  displacement: 0,
  symbol: undefined,
  label: undefined,
  relative: false,
  segment: NONE,
  address32: false,
} as const;

/** [base + displacement]. */
export function mem(base: number, displacement = 0): Memory {
  return { ...PLAIN, base, displacement };
}

/** [base + index * scale + displacement]; `base` may be {@link NONE}, `index` not RSP. */
export function indexed(
  base: number,
  index: number,
  scale: 1 | 2 | 4 | 8,
  displacement = 0,
): Memory {
  return { ...PLAIN, base, index, scale, displacement };
}

/** At an absolute address: 32 bits, sign-extended in 64-bit mode. */
export function absolute(address: number | SymbolReference): Memory {
  return typeof address === 'number'
    ? { ...PLAIN, displacement: address }
    : { ...PLAIN, displacement: address.addend, symbol: address.symbol };
}

/** At a symbol's or a label's address, taken relative to RIP. 64-bit mode only. */
export function relative(to: SymbolReference | Label): Memory {
  return typeof to === 'number'
    ? { ...PLAIN, label: to, relative: true }
    : { ...PLAIN, displacement: to.addend, symbol: to.symbol, relative: true };
}

/** The address of a symbol as an immediate, displacement or branch target. */
export function symbol(name: string, addend = 0): SymbolReference {
  return { symbol: name, addend };
}

/** A value for one operand: register number or immediate, memory, symbol; labels only for branches. */
export type Value = number | bigint | Memory | SymbolReference;

export function isMemory(value: Value): value is Memory {
  return typeof value === 'object' && 'base' in value;
}

export function isSymbol(value: Value): value is SymbolReference {
  return typeof value === 'object' && 'addend' in value;
}
