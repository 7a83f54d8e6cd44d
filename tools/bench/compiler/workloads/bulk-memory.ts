/** memory.copy and memory.fill: small, large, and onto themselves. */

const SIZE: usize = 1 << 18;
const buffer = memory.data(1 << 19, 16);

/** `n` rounds over half a megabyte. */
export function run(n: i32): i32 {
  for (let i: usize = 0; i < SIZE; i += 4) store<u32>(buffer + i, <u32>i * 0x85ebca6b);
  let sum = 0;
  for (let q: u32 = 0; q < <u32>n; q++) {
    memory.copy(buffer + SIZE, buffer + (q & 63), SIZE - 64);
    for (let i: u32 = 0; i < 256; i++) {
      memory.copy(buffer + (i << 8), buffer + SIZE + (i << 6) + q, 24 + i);
      memory.fill(buffer + (i << 8) + 200, <u8>(i + q), i & 31);
    }
    memory.copy(buffer + 5, buffer, 4096);
    sum += load<i32>(buffer + SIZE + ((q << 6) & 0xffff));
  }
  return sum ^ load<i32>(buffer + 1000);
}
