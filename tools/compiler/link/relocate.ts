import { UserError } from '../../errors.ts';
import type { ObjectRelocation } from '../object.ts';
import type { LinkInput, Placement } from './place.ts';
import { lookUp, type SymbolTable } from './symbols.ts';

/** What fills the gaps between the parts of a section: in text an instruction that traps. */
const fillers = { text: 0xcc, rodata: 0, data: 0 } as const;

/**
 * The bytes of a whole section at address `base`, its relocations applied.
 *
 * @throws UserError `unlinkable: …` for a symbol that is not in `symbols`, or that is out of reach.
 */
export function relocate(placement: Placement, base: number, symbols: SymbolTable): Uint8Array {
  const bytes = new Uint8Array(placement.size).fill(fillers[placement.name]);
  const view = new DataView(bytes.buffer);
  for (const [input, offset] of placement.offsets) {
    const section = input.sections[placement.name];
    if (section) bytes.set(section.bytes, offset);
    for (const relocation of input.relocations) {
      if (relocation.section !== placement.name) continue;
      apply(view, offset + relocation.offset, base, relocation, input, symbols);
    }
  }
  return bytes;
}

function apply(
  view: DataView,
  at: number,
  base: number,
  { kind, symbol, addend }: ObjectRelocation,
  input: LinkInput,
  symbols: SymbolTable,
): void {
  const value = lookUp(symbols, symbol, input) + addend;
  switch (kind) {
    case 'rel32': {
      const distance = value - (base + at);
      if (distance !== (distance | 0)) outOfReach(input, symbol, kind);
      view.setInt32(at, distance, true);
      return;
    }
    case 'abs64':
      view.setBigInt64(at, BigInt(value), true);
      return;
    case 'abs32':
      if (value !== value >>> 0) outOfReach(input, symbol, kind);
      view.setUint32(at, value, true);
      return;
    case 'abs32s':
      if (value !== (value | 0)) outOfReach(input, symbol, kind);
      view.setInt32(at, value, true);
      return;
  }
}

function outOfReach({ instance }: LinkInput, symbol: string, kind: string): never {
  throw new UserError(
    `unlinkable: ${instance} refers to ${symbol}, which is out of reach of ${kind}`,
  );
}
