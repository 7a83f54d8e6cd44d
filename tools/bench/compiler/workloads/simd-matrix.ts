/** Products of matrices of 32-bit floats, four columns at a time. */

const SIDE: usize = 64;
const ROW: usize = 256;
const a = memory.data(64 * 256, 16);
const b = memory.data(64 * 256, 16);
const product = memory.data(64 * 256, 16);

function multiply(): void {
  for (let i: usize = 0; i < SIDE; i++) {
    for (let j: usize = 0; j < ROW; j += 32) {
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      for (let k: usize = 0; k < SIDE; k++) {
        const factor = v128.load_splat<f32>(a + i * ROW + (k << 2));
        const row = b + k * ROW + j;
        sum0 = f32x4.add(sum0, f32x4.mul(factor, v128.load(row)));
        sum1 = f32x4.add(sum1, f32x4.mul(factor, v128.load(row, 16)));
      }
      v128.store(product + i * ROW + j, sum0);
      v128.store(product + i * ROW + j, sum1, 16);
    }
  }
}

/** `n` products. */
export function run(n: i32): i32 {
  for (let i: usize = 0; i < SIDE * ROW; i += 4) {
    store<f32>(a + i, <f32>(i % 28) / 32);
    store<f32>(b + i, <f32>(i % 20) / 16);
  }
  let sum: f32 = 0;
  for (let q: u32 = 0; q < <u32>n; q++) {
    store<f32>(a + ((q * 52) & 0x3ffc), <f32>(q & 63));
    multiply();
    sum += load<f32>(product + ((q * 36) & 0x3ffc));
  }
  return reinterpret<i32>(sum);
}
