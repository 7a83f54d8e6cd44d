/**
 * What a register or 8 bytes of memory hold, as a text: `r3` what register 3 held at entry, `sp-16` an
 * address on the stack, relative to RSP at entry, `?7` something that is told apart from all else.
 */
export type Symbol = string;

const RSP = 4;
/** What a function keeps for its caller: tools/compiler/x86/abi.ts. */
const KEPT = [3, 5, 12, 13, 14, 15];

/** The stack at a distance from where it was at entry. */
export const stackAt = (distance: number): Symbol => `sp${distance < 0 ? '' : '+'}${distance}`;

/** The distance of a place on the stack; undefined for what is none. */
export function distanceOf(symbol: Symbol): number | undefined {
  return symbol.startsWith('sp') ? Number(symbol.slice(2)) : undefined;
}

/** What is known at a point of hand-written code, which has no loops. */
export class StubState {
  readonly registers: Symbol[];
  /** By symbol and distance of the address. */
  readonly #memory: Map<string, Symbol>;
  #unknown = 0;

  constructor(registers?: readonly Symbol[], memory?: ReadonlyMap<string, Symbol>) {
    this.registers = registers ? [...registers] : Array.from({ length: 16 }, (_, i) => `r${i}`);
    if (!registers) this.registers[RSP] = stackAt(0);
    this.#memory = new Map(memory ?? [[keyOf(stackAt(0), 0), 'return']]);
  }

  clone(): StubState {
    const copy = new StubState(this.registers, this.#memory);
    copy.#unknown = this.#unknown;
    return copy;
  }

  unknown(): Symbol {
    return `?${this.#unknown++}`;
  }

  /** RSP's distance from where it was at entry; undefined when it is on another stack. */
  get depth(): number | undefined {
    return distanceOf(this.registers[RSP] ?? '');
  }

  load(base: Symbol, distance: number): Symbol {
    return this.#memory.get(keyOf(base, distance)) ?? this.unknown();
  }

  store(base: Symbol, distance: number, value: Symbol): void {
    this.#memory.set(keyOf(base, distance), value);
  }

  /** After a call: what a callee may change is unknown. */
  forget(): void {
    for (let register = 0; register < 16; register++) {
      if (register !== RSP && !KEPT.includes(register)) this.registers[register] = this.unknown();
    }
  }

  /** Whether all that a function keeps for its caller is as it was at entry. */
  get keeps(): boolean {
    return KEPT.every((register) => this.registers[register] === `r${register}`);
  }

  /** Whether all general registers but RSP are. */
  get keepsAll(): boolean {
    return this.registers.every((value, register) => register === RSP || value === `r${register}`);
  }
}

function keyOf(base: Symbol, distance: number): string {
  const from = distanceOf(base);
  return from === undefined ? `${base} ${distance}` : `sp ${from + distance}`;
}
