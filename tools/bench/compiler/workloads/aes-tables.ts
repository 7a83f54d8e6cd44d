/** AES-128 in counter mode by tables of 32-bit words. FIPS 197; Daemen, Rijmen: AES Proposal §5.2.1. */

const ROUNDS = 10;

const sbox = memory.data(256, 16);
const T = memory.data(4 * 1024, 16);
const keys = memory.data(16 * (ROUNDS + 1), 16);
const block = memory.data(16, 16);

function double(x: u32): u32 {
  return ((x << 1) ^ ((x >>> 7) * 0x11b)) & 0xff;
}

/** The S-box by walking the field's powers of 3 and of its inverse. */
function makeTables(): void {
  let p: u32 = 1;
  let q: u32 = 1;
  do {
    p = p ^ double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const x = q ^ (q << 1) ^ (q << 2) ^ (q << 3) ^ (q << 4);
    store<u8>(sbox + p, (x ^ (x >>> 8) ^ 0x63) & 0xff);
  } while (p !== 1);
  store<u8>(sbox, 0x63);
  for (let i: u32 = 0; i < 256; i++) {
    const s: u32 = load<u8>(sbox + i);
    const two = double(s);
    const word = two | (s << 8) | (s << 16) | ((two ^ s) << 24);
    for (let t: u32 = 0; t < 4; t++) store<u32>(T + (t << 10) + (i << 2), rotl<u32>(word, t << 3));
  }
}

function substitute(word: u32): u32 {
  return (
    <u32>load<u8>(sbox + (word & 255)) |
    ((<u32>load<u8>(sbox + ((word >>> 8) & 255))) << 8) |
    ((<u32>load<u8>(sbox + ((word >>> 16) & 255))) << 16) |
    ((<u32>load<u8>(sbox + (word >>> 24))) << 24)
  );
}

function expandKey(): void {
  for (let i = 0; i < 16; i++) store<u8>(keys + i, i * 17 + 3);
  let constant: u32 = 1;
  for (let i = 4; i < 4 * (ROUNDS + 1); i++) {
    let word = load<u32>(keys + ((i - 1) << 2));
    if ((i & 3) === 0) {
      word = substitute(rotr<u32>(word, 8)) ^ constant;
      constant = double(constant);
    }
    store<u32>(keys + (i << 2), load<u32>(keys + ((i - 4) << 2)) ^ word);
  }
}

function column(a: u32, b: u32, c: u32, d: u32, key: u32): u32 {
  return (
    load<u32>(T + ((a & 255) << 2)) ^
    load<u32>(T + 1024 + (((b >>> 8) & 255) << 2)) ^
    load<u32>(T + 2048 + (((c >>> 16) & 255) << 2)) ^
    load<u32>(T + 3072 + ((d >>> 24) << 2)) ^
    key
  );
}

function last(a: u32, b: u32, c: u32, d: u32, key: u32): u32 {
  return substitute((a & 0xff) | (b & 0xff00) | (c & 0xff_0000) | (d & 0xff00_0000)) ^ key;
}

function encrypt(): void {
  let a = load<u32>(block) ^ load<u32>(keys);
  let b = load<u32>(block, 4) ^ load<u32>(keys, 4);
  let c = load<u32>(block, 8) ^ load<u32>(keys, 8);
  let d = load<u32>(block, 12) ^ load<u32>(keys, 12);
  let key = keys + 16;
  for (let round = 1; round < ROUNDS; round++) {
    const a1 = column(a, b, c, d, load<u32>(key));
    const b1 = column(b, c, d, a, load<u32>(key, 4));
    const c1 = column(c, d, a, b, load<u32>(key, 8));
    d = column(d, a, b, c, load<u32>(key, 12));
    a = a1;
    b = b1;
    c = c1;
    key += 16;
  }
  store<u32>(block, last(a, b, c, d, load<u32>(key)));
  store<u32>(block, last(b, c, d, a, load<u32>(key, 4)), 4);
  store<u32>(block, last(c, d, a, b, load<u32>(key, 8)), 8);
  store<u32>(block, last(d, a, b, c, load<u32>(key, 12)), 12);
}

/** Encrypts a chain of `n` thousand blocks. */
export function run(n: i32): i32 {
  makeTables();
  expandKey();
  memory.fill(block, 0, 16);
  for (let i = 0; i < n * 1000; i++) {
    store<u32>(block, load<u32>(block) ^ i);
    encrypt();
  }
  return load<i32>(block) ^ load<i32>(block, 8);
}
