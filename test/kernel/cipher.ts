/**
 * AESENC, AESENCLAST and PCLMULQDQ as the manual describes them, for a kernel that runs in V8.
 * Straight from FIPS 197: no tables of another implementation.
 */

function double(x: number): number {
  return ((x << 1) ^ (x & 0x80 ? 0x11b : 0)) & 0xff;
}

function multiply(a: number, b: number): number {
  let product = 0;
  for (let i = 0, x = a; i < 8; i++, x = double(x)) if ((b >> i) & 1) product ^= x;
  return product;
}

/** SubBytes: the inverse in GF(2^8), then an affine map. FIPS 197 §5.1.1. */
const SUBSTITUTES = Uint8Array.from({ length: 256 }, (_, x) => {
  let inverse = x;
  for (let i = 0; i < 253; i++) inverse = multiply(inverse, x);
  const turned = [0, 1, 2, 3, 4].map((n) => (inverse << n) | (inverse >> (8 - n)));
  return (turned.reduce((a, b) => a ^ b) ^ 0x63) & 0xff;
});

/** SubBytes, ShiftRows, MixColumns unless `last`, AddRoundKey: on `block`, in place. */
export function cipherRound(block: Uint8Array, key: Uint8Array, last: boolean): void {
  const shifted = Array.from({ length: 16 }, (_, i) => {
    const row = i & 3;
    return SUBSTITUTES[block[(i + 4 * row) & 15] as number] as number;
  });
  for (let i = 0; i < 16; i++) {
    const row = (n: number) => shifted[(i & 12) | ((i + n) & 3)] as number;
    const mixed = multiply(row(0), 2) ^ multiply(row(1), 3) ^ row(2) ^ row(3);
    block[i] = (last ? row(0) : mixed) ^ (key[i] as number);
  }
}

/** The product of two polynomials over GF(2) of 64 bits each. */
export function carrylessProduct(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let i = 0n; i < 64n; i++) if ((b >> i) & 1n) product ^= BigInt.asUintN(64, a) << i;
  return product;
}

/** The three instructions; `at` gives the bytes from a virtual address on. */
export function cipherInstructions(at: (va: bigint, write: boolean) => Uint8Array) {
  const round = (last: boolean) => (block: bigint, key: bigint) =>
    cipherRound(at(block, true).subarray(0, 16), at(key, false), last);
  return {
    aesenc: round(false),
    aesenclast: round(true),
    pclmulqdq: (a: bigint, b: bigint, out: bigint) => {
      const product = carrylessProduct(a, BigInt.asUintN(64, b));
      const to = at(out, true);
      for (let i = 0; i < 16; i++) to[i] = Number((product >> BigInt(8 * i)) & 0xffn);
    },
  };
}
