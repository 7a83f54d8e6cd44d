import { PAGE_SIZE } from '../../../boot/memory-map.ts';
import type { LinkedImage } from './image.ts';
import { printable } from './tables.ts';

/**
 * The image's map, for people and debuggers: a line for each region (GPA, virtual address, pages,
 * rights, name), an empty line, and a line for each symbol (value, name), both in ascending order.
 */
export function symbolMap({ regions, symbols }: LinkedImage): string {
  const regionLines = regions.map(({ gpa, va, size, writable, executable, name }) => {
    const rights = `r${writable ? 'w' : '-'}${executable ? 'x' : '-'}`;
    return `${hex(BigInt(gpa), 8)} ${hex(va, 16)} ${size / PAGE_SIZE} ${rights} ${name}`;
  });
  const symbolLines = [...symbols]
    .filter(([name]) => !name.startsWith('type!'))
    .sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1))
    .map(([name, value]) => `${hex(value, 16)} ${printable(name)}`);
  return `${[...regionLines, '', ...symbolLines].join('\n')}\n`;
}

function hex(value: bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
