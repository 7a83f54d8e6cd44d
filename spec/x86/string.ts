import * as Exit from '../exit.ts';
import type { Attributes, Instruction } from './instruction.ts';
import { i } from './notation.ts';

/** One string instruction in its widths; the operands are implied: rSI, rDI, rAX, dx. APM3 §3. */
function strings(name: string, byte: number, attributes: Attributes, wide = true): Instruction[] {
  const at = (n: number) => n.toString(16).toUpperCase();
  const common = { ...attributes, effect: name };
  return [
    i(`${name}b`, at(byte), { ...common, width: 8 }),
    i(`${name}w`, `o16 ${at(byte + 1)}`, common),
    i(`${name}d`, `o32 ${at(byte + 1)}`, common),
    wide ? i(`${name}q`, `o64 ${at(byte + 1)}`, common) : [],
  ].flat();
}

const PORT = { reads: 'd', repeat: 'rep', intercept: Exit.IOIO } as const;

// biome-ignore format: a row a line
export const string: readonly Instruction[] = [
  strings('movs', 0xa4, { reads: 'd', repeat: 'rep' }),
  strings('cmps', 0xa6, { reads: 'd', repeat: 'repe', flags: 'MMMMMM' }),
  strings('stos', 0xaa, { reads: 'd', repeat: 'rep' }),
  strings('lods', 0xac, { reads: 'd', repeat: 'rep' }),
  strings('scas', 0xae, { reads: 'd', repeat: 'repe', flags: 'MMMMMM' }),
  // 64-bit operands do not exist for ports: REX.W is ignored.
  strings('ins',  0x6c, PORT, false),
  strings('outs', 0x6e, PORT, false),
].flat();
