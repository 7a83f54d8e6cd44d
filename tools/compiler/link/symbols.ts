import { UserError } from '../../errors.ts';
import type { SectionName } from '../object.ts';
import type { LinkInput, Placement } from './place.ts';

/**
 * Values of symbols: addresses, as the signed number whose 64-bit two's complement they are (all
 * of a link lies below 2 GiB or in the top 2 GiB of the address space), or plain numbers.
 */
export type SymbolTable = Map<string, number>;

/** Where the sections of a link begin, by name. */
export type Bases = Readonly<Partial<Record<SectionName, number>>>;

/**
 * Adds to `table` every symbol that the inputs of `placement` define in its section, which begins
 * at the address `base`.
 *
 * @throws UserError `unlinkable: …` if one is there already.
 */
export function defineSymbols(table: SymbolTable, placement: Placement, base: number): void {
  for (const [input, offset] of placement.offsets) {
    for (const symbol of input.symbols) {
      if (symbol.section !== placement.name) continue;
      define(table, symbol.name, base + offset + symbol.offset);
    }
  }
}

/** Adds one symbol. @throws UserError `unlinkable: …` if it is there already. */
export function define(table: SymbolTable, name: string, value: number): void {
  if (table.has(name)) throw new UserError(`unlinkable: ${name} is defined twice`);
  table.set(name, value);
}

/** The value of a symbol. @throws UserError `unlinkable: …` that names who wants it. */
export function lookUp(table: SymbolTable, name: string, { instance }: LinkInput): number {
  const value = table.get(name);
  if (value === undefined)
    throw new UserError(`unlinkable: ${instance} refers to ${name}, which is defined nowhere`);
  return value;
}
