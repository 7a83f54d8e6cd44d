/** ChaCha20's key stream, a row of the state in each vector. RFC 8439 §2.3. */

const stream = memory.data(64, 16);

function rotate(x: v128, by: i32): v128 {
  return v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by));
}

/** Rotation by 16: whole bytes change places. */
function rotate16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

function block(counter: u32, key: v128): void {
  const constants = i32x4(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
  const nonce = i32x4.replace_lane(i32x4(0, 0x09000000, 0x4a000000, 0), 0, counter);
  const keyHigh = v128.not(key);
  let a = constants;
  let b = key;
  let c = keyHigh;
  let d = nonce;
  for (let round = 0; round < 20; round++) {
    a = i32x4.add(a, b);
    d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate(v128.xor(b, c), 12);
    a = i32x4.add(a, b);
    d = rotate(v128.xor(d, a), 8);
    c = i32x4.add(c, d);
    b = rotate(v128.xor(b, c), 7);
    // Diagonals become columns, and columns diagonals: after odd rounds the rows go back.
    if (round & 1) {
      b = v128.shuffle<i32>(b, b, 3, 0, 1, 2);
      c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
      d = v128.shuffle<i32>(d, d, 1, 2, 3, 0);
    } else {
      b = v128.shuffle<i32>(b, b, 1, 2, 3, 0);
      c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
      d = v128.shuffle<i32>(d, d, 3, 0, 1, 2);
    }
  }
  v128.store(stream, i32x4.add(a, constants));
  v128.store(stream, i32x4.add(b, key), 16);
  v128.store(stream, i32x4.add(c, keyHigh), 32);
  v128.store(stream, i32x4.add(d, nonce), 48);
}

/** `n` thousand blocks, each the key of the next one. */
export function run(n: i32): i32 {
  v128.store(stream, i32x4(1, 2, 3, 4), 16);
  for (let i = 0; i < n * 1000; i++) block(i, v128.load(stream, 16));
  return load<i32>(stream) ^ load<i32>(stream, 60);
}
