/**
 * The tweak of the 16-byte block at system address `spa` where the memory controller has a linear one: the XOR of a
 * constant for each bit of the address. So it was on Zen 1, whose constants are words of 32 bits four times
 * over (SEVurity, IEEE S&P 2020); these are this machine's own, and no more secret. Same as in as/encryption.ts.
 */
export function linearTweak(spa: number): Uint8Array {
  let word = 0;
  let n = 0;
  for (let left = Math.floor(spa / 16); left > 0; left = Math.floor(left / 2)) {
    n = (n + 0x9e37_79b1) >>> 0;
    let mixed = Math.imul(n ^ (n >>> 15), 0x85eb_ca6b);
    mixed ^= mixed >>> 13;
    if (left % 2 === 1) word ^= mixed;
  }
  const tweak = new Uint8Array(16);
  const data = new DataView(tweak.buffer);
  for (let at = 0; at < 16; at += 4) data.setUint32(at, word >>> 0, true);
  return tweak;
}
