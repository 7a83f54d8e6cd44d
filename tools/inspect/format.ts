const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** An address as everything that `inspect` prints shows it: at least eight hexadecimal digits. */
export function formatGpa(gpa: number): string {
  return `0x${gpa.toString(16).padStart(8, '0')}`;
}

/** A number of bytes in the unit that keeps it short: `64 MiB`, `1.5 MiB`. */
export function formatSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}

/** Bits per byte with three decimals; a dash where there is no page. */
export function formatEntropy(bits: number): string {
  return Number.isNaN(bits) ? '–' : bits.toFixed(3);
}

/** `1 page`, `2 pages`. */
export function formatCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
