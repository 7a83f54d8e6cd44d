/** Where the generator of test/fixtures/attacks/secret.ts starts. */
const SEED = 0x0123_4567_89ab_cdefn;

/** The 16 bytes that the programs of the tests keep secret, which they make themselves. */
export function programSecret(): Buffer {
  const bytes = Buffer.alloc(16);
  let state = SEED;
  for (const at of [0, 8]) {
    for (let i = 0; i < 100; i++) {
      state ^= BigInt.asUintN(64, state << 13n);
      state ^= state >> 7n;
      state ^= BigInt.asUintN(64, state << 17n);
    }
    bytes.writeBigUInt64LE(state, at);
  }
  return bytes;
}
