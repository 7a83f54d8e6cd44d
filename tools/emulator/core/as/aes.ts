/** AES-128, table-driven. FIPS 197; the tables fold SubBytes, ShiftRows and MixColumns together. */
import { AES_TABLES } from '../memory-map';

const ENCRYPT: usize = AES_TABLES; // 256 words: column (2s, s, s, 3s) of MixColumns
const DECRYPT: usize = AES_TABLES + 0x400; // 256 words: column (14s, 9s, 13s, 11s)
const SBOX: usize = AES_TABLES + 0x800;
const INVERSE_SBOX: usize = AES_TABLES + 0x900;

/** Bytes of an expanded key: eleven round keys. */
export const SCHEDULE_SIZE: usize = 176;

function double(x: u32): u32 {
  return ((x << 1) ^ ((x >> 7) * 0x11b)) & 0xff;
}

/** Computes the tables. FIPS 197 §5.1.1: inverse in GF(2^8), then an affine map. */
export function initAes(): void {
  let p: u32 = 1;
  let q: u32 = 1;
  do {
    // p runs through the powers of 3, q through those of its inverse.
    p = p ^ double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if ((q & 0x80) !== 0) q ^= 0x09;
    const x = q ^ rotl<u8>(<u8>q, 1) ^ rotl<u8>(<u8>q, 2) ^ rotl<u8>(<u8>q, 3) ^ rotl<u8>(<u8>q, 4);
    enter(p, (x ^ 0x63) & 0xff);
  } while (p !== 1);
  enter(0, 0x63);
}

function enter(x: u32, s: u32): void {
  store<u8>(SBOX + x, <u8>s);
  store<u8>(INVERSE_SBOX + s, <u8>x);
  const s2 = double(s);
  store<u32>(ENCRYPT + (x << 2), s2 | (s << 8) | (s << 16) | ((s2 ^ s) << 24));
  const x2 = double(x);
  const x4 = double(x2);
  const x8 = double(x4);
  const column = (x8 ^ x4 ^ x2) | ((x8 ^ x) << 8) | ((x8 ^ x4 ^ x) << 16) | ((x8 ^ x2 ^ x) << 24);
  store<u32>(DECRYPT + (s << 2), column);
}

/** SubWord. FIPS 197 §5.2. */
export function substitute(word: u32): u32 {
  return looked(SBOX, word, word, word, word);
}

/** Expands the 16 bytes at `key` into the round keys at `schedule`. FIPS 197 §5.2. */
export function expandKey(key: usize, schedule: usize): void {
  memory.copy(schedule, key, 16);
  let constant: u32 = 1;
  for (let at = schedule + 16; at < schedule + SCHEDULE_SIZE; at += 4) {
    let word = load<u32>(at - 4);
    if (((at - schedule) & 15) === 0) {
      word = substitute(rotr<u32>(word, 8)) ^ constant;
      constant = double(constant);
    }
    store<u32>(at, load<u32>(at - 16) ^ word);
  }
}

/** InvMixColumns of one word, by way of the tables. */
export function unmix(word: u32): u32 {
  const s = substitute(word);
  return mixed(DECRYPT, s, s, s, s);
}

/** Makes the round keys of the equivalent inverse cipher from those of the cipher. FIPS 197 §5.3.5. */
export function invertSchedule(schedule: usize, inverse: usize): void {
  for (let round: usize = 0; round <= 10; round++) {
    for (let i: usize = 0; i < 16; i += 4) {
      const word = load<u32>(schedule + (10 - round) * 16 + i);
      store<u32>(inverse + round * 16 + i, round === 0 || round === 10 ? word : unmix(word));
    }
  }
}

/** A column after SubBytes, ShiftRows and MixColumns, or their inverses: byte i of it comes from the i-th word. */
function mixed(table: usize, a: u32, b: u32, c: u32, d: u32): u32 {
  return (
    load<u32>(table + ((a & 0xff) << 2)) ^
    rotl<u32>(load<u32>(table + (((b >> 8) & 0xff) << 2)), 8) ^
    rotl<u32>(load<u32>(table + (((c >> 16) & 0xff) << 2)), 16) ^
    rotl<u32>(load<u32>(table + ((d >> 24) << 2)), 24)
  );
}

/** As {@link mixed}, without MixColumns. */
function looked(box: usize, a: u32, b: u32, c: u32, d: u32): u32 {
  return (
    <u32>load<u8>(box + (a & 0xff)) |
    ((<u32>load<u8>(box + ((b >> 8) & 0xff))) << 8) |
    ((<u32>load<u8>(box + ((c >> 16) & 0xff))) << 16) |
    ((<u32>load<u8>(box + (d >> 24))) << 24)
  );
}

/** Encrypts the 16 bytes at `block` in place. */
export function encryptBlock(schedule: usize, block: usize): void {
  addKey(block, schedule);
  const end = schedule + 160;
  for (let key = schedule + 16; key < end; key += 16) encryptRound(block, key);
  lastEncryptRound(block, end);
}

/** Decrypts the 16 bytes at `block` in place; `inverse` is from {@link invertSchedule}. */
export function decryptBlock(inverse: usize, block: usize): void {
  addKey(block, inverse);
  const end = inverse + 160;
  for (let key = inverse + 16; key < end; key += 16) decryptRound(block, key);
  lastDecryptRound(block, end);
}

/** One round of the cipher on `state`, in place, by the round key at `key`. */
export function encryptRound(state: usize, key: usize): void {
  oneRound(state, key, ENCRYPT, false, CIPHER_NEXT);
}

/** As {@link encryptRound}, without MixColumns. */
export function lastEncryptRound(state: usize, key: usize): void {
  oneRound(state, key, SBOX, true, CIPHER_NEXT);
}

/** One round of the equivalent inverse cipher. FIPS 197 §5.3.5. */
export function decryptRound(state: usize, key: usize): void {
  oneRound(state, key, DECRYPT, false, INVERSE_NEXT);
}

/** As {@link decryptRound}, without InvMixColumns. */
export function lastDecryptRound(state: usize, key: usize): void {
  oneRound(state, key, INVERSE_SBOX, true, INVERSE_NEXT);
}

/**
 * Where the column is, from any on and around, that ShiftRows takes the second row's byte from: the one to the
 * right, and for its inverse the one to the left. FIPS 197 §5.1.2, §5.3.1.
 */
const CIPHER_NEXT: usize = 4;
const INVERSE_NEXT: usize = 12;

/** All of `key` is read before `state` is written, as they may be one. */
function oneRound(state: usize, key: usize, table: usize, isLast: bool, next: usize): void {
  const third: usize = 8;
  const fourth = 16 - next;
  const a = load<u32>(state);
  const b = load<u32>(state + next);
  const c = load<u32>(state + third);
  const d = load<u32>(state + fourth);
  const e = column(table, isLast, a, b, c, d) ^ load<u32>(key);
  const f = column(table, isLast, b, c, d, a) ^ load<u32>(key + next);
  const g = column(table, isLast, c, d, a, b) ^ load<u32>(key + third);
  const h = column(table, isLast, d, a, b, c) ^ load<u32>(key + fourth);
  store<u32>(state, e);
  store<u32>(state + next, f);
  store<u32>(state + third, g);
  store<u32>(state + fourth, h);
}

function column(table: usize, isLast: bool, a: u32, b: u32, c: u32, d: u32): u32 {
  return isLast ? looked(table, a, b, c, d) : mixed(table, a, b, c, d);
}

/** AddRoundKey. FIPS 197 §5.1.4. */
function addKey(state: usize, key: usize): void {
  store<u64>(state, load<u64>(state) ^ load<u64>(key));
  store<u64>(state, load<u64>(state, 8) ^ load<u64>(key, 8), 8);
}
