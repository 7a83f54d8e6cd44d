/** Pictures of 8 bits a channel laid over each other: widened, multiplied, narrowed. */

const SIZE: usize = 65536;
const above = memory.data(65536, 16);
const below = memory.data(65536, 16);

/** (x + 128) * 257 / 65536: a product of two bytes divided by 255, rounded. */
function divide(product: v128): v128 {
  const x = i16x8.add(product, i16x8.splat(128));
  return i16x8.shr_u(i16x8.add(x, i16x8.shr_u(x, 8)), 8);
}

/** below = above * alpha + below * (1 - alpha), a pixel's alpha being its fourth byte. */
function blend(): void {
  const full = i16x8.splat(255);
  for (let i: usize = 0; i < SIZE; i += 16) {
    const x = v128.load(above + i);
    const y = v128.load(below + i);
    const alpha = i8x16.shuffle(x, x, 3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15);
    const alphaLow = i16x8.extend_low_i8x16_u(alpha);
    const alphaHigh = i16x8.extend_high_i8x16_u(alpha);
    const low = i16x8.add(
      i16x8.mul(i16x8.extend_low_i8x16_u(x), alphaLow),
      i16x8.mul(i16x8.extend_low_i8x16_u(y), i16x8.sub(full, alphaLow)),
    );
    const high = i16x8.add(
      i16x8.mul(i16x8.extend_high_i8x16_u(x), alphaHigh),
      i16x8.mul(i16x8.extend_high_i8x16_u(y), i16x8.sub(full, alphaHigh)),
    );
    v128.store(below + i, i8x16.narrow_i16x8_u(divide(low), divide(high)));
  }
}

/** Blends `n` times a picture that changes. */
export function run(n: i32): i32 {
  for (let i: usize = 0; i < SIZE; i++) {
    store<u8>(above + i, <u8>((i * 197) >> 3));
    store<u8>(below + i, <u8>((i * 89) >> 2));
  }
  let sum = 0;
  for (let q: u32 = 0; q < <u32>n; q++) {
    store<u32>(above + ((q << 2) & 0xfffc), q * 0x9e3779b9);
    blend();
    sum = rotl<i32>(sum, 1) ^ load<i32>(below + ((q * 68) & 0xfffc));
  }
  return sum;
}
