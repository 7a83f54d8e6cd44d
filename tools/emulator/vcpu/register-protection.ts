import * as SevStatus from '../../../spec/sev-status.ts';

/** Quadwords of a VMSA that register protection covers, a bit each. SNP, secrets page. */
// biome-ignore format: eight bytes a line, as they lie in the page
export const VMSA_TWEAK: Uint8Array = Uint8Array.of(
  0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x88,
  0x00, 0x00, 0x00, 0x00, 0xee, 0xff, 0x00, 0x00,
  0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0x3f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
);

const FEATURE = BigInt(SevStatus.VMSA_REG_PROT) >> BigInt(SevStatus.FEATURES_SHIFT);
const FEATURES_OFFSET = 0x3b0;
const NONCE_OFFSET = 0x300;

/** A VMSA as it lies in memory from one as it is meant, or back: what is covered XOR the nonce. APM2 §15.36.20. */
export function applyProtection(page: Uint8Array): Uint8Array {
  const result = page.slice();
  const data = new DataView(result.buffer);
  if ((data.getBigUint64(FEATURES_OFFSET, true) & FEATURE) === 0n) return result;
  const nonce = data.getBigUint64(NONCE_OFFSET, true);
  for (let word = 0; word < 512; word++) {
    if (((VMSA_TWEAK[word >> 3] ?? 0) & (1 << (word & 7))) === 0) continue;
    data.setBigUint64(word * 8, data.getBigUint64(word * 8, true) ^ nonce, true);
  }
  return result;
}

/** The nonce after `nonce`: a step of SplitMix64, so that equal registers never look equal twice. */
export function nextNonce(nonce: bigint): bigint {
  let z = BigInt.asUintN(64, nonce + 0x9e37_79b9_7f4a_7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}
