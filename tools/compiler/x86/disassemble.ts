import { decode } from './decode.ts';
import { print } from './print.ts';

/** Where the linker will write an address, and whose. */
interface Target {
  readonly offset: number;
  readonly symbol: string;
}

/**
 * The instructions from `start` to `end` of a section, a line each: offset, text, and the symbol whose
 * address the linker fills in. Bytes that are no instruction of the table come one by one.
 *
 *     00000040  call 0x45                               ; luggage!format
 */
export function disassemble(
  code: Uint8Array,
  start: number,
  end: number,
  targets: readonly Target[] = [],
): string {
  const lines: string[] = [];
  let at = start;
  while (at < end) {
    const decoded = decode(code.subarray(0, end), at);
    const next = at + (decoded?.length ?? 1);
    const prefix = decoded?.lock ? 'lock ' : decoded?.repeat ? repeatText(decoded.repeat) : '';
    const text = decoded
      ? prefix + print(decoded.instruction, decoded.values, next)
      : `.byte 0x${(code[at] ?? 0).toString(16).padStart(2, '0')}`;
    const here = at;
    const target = targets.find(({ offset }) => offset >= here && offset < next);
    const comment = target ? `; ${target.symbol}` : '';
    const offset = at.toString(16).padStart(8, '0');
    lines.push(`${offset}  ${text.padEnd(comment ? 40 : 0)}${comment}`);
    at = next;
  }
  return lines.join('\n');
}

function repeatText(prefix: number): string {
  return prefix === 0xf3 ? 'rep ' : 'repne ';
}
