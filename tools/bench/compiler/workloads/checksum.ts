/** Copying by words, and Fletcher's checksum of the copy, as network stacks do. */

const SIZE: usize = 65536;
const source = memory.data(65536, 16);
const target = memory.data(65536, 16);

function copyWords(): void {
  for (let i: usize = 0; i < SIZE; i += 4) store<u32>(target + i, load<u32>(source + i));
}

/** Fletcher's checksum of 16-bit words: sums modulo 2^16 - 1, reduced every 256 words. */
function fletcher32(): u32 {
  let low: u32 = 0;
  let high: u32 = 0;
  for (let at: usize = 0; at < SIZE; at += 512) {
    for (let i: usize = 0; i < 512; i += 2) {
      low += load<u16>(target + at + i);
      high += low;
    }
    low %= 65535;
    high %= 65535;
  }
  return (high << 16) | low;
}

/** Copies and sums `n` times, the source changed by each sum. */
export function run(n: i32): i32 {
  for (let i: usize = 0; i < SIZE; i += 4) store<u32>(source + i, <u32>i * 0x9e3779b9);
  let sum: u32 = 0;
  for (let q = 0; q < n; q++) {
    copyWords();
    sum = fletcher32();
    store<u32>(source + (((<usize>q) << 2) & (SIZE - 4)), sum);
  }
  return sum;
}
