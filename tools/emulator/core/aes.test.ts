import { createCipheriv, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createCore } from '../core.ts';
import { buildCore } from './build.ts';
import { CoreMemory } from './layout.ts';
import { instantiate, loadCore } from './module.ts';

beforeAll(buildCore);

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** FIPS 197 appendix B and C.1; NIST SP 800-38A F.1.1: key, plaintext, ciphertext. */
const VECTORS = [
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    '3243f6a8885a308d313198a2e0370734',
    '3925841d02dc09fbdc118597196a0b32',
  ],
  [
    '000102030405060708090a0b0c0d0e0f',
    '00112233445566778899aabbccddeeff',
    '69c4e0d86a7b0430d8cdb78070b4c55a',
  ],
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    '6bc1bee22e409f96e93d7e117393172a',
    '3ad77bb40d7a3660a89ecaf32466ef97',
  ],
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    'ae2d8a571e03ac9c9eb76fac45af8e51',
    'f5d3d58503b9699de785895a96fdbaaf',
  ],
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    '30c81c46a35ce411e5fbc1191a0a52ef',
    '43b1cd7f598ece23881b00e3ed030688',
  ],
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    'f69f2445df4f9b17ad2b417be66c3710',
    '7b0c785e27e8ad3f8223207104725dd4',
  ],
] as const;

describe('the AES block of the memory controller', () => {
  it.each(VECTORS)('has the published result for key %s, %s', (key, plain, cipher) => {
    const memory = new CoreMemory(16, 16);
    const core = instantiate(loadCore(), memory);
    const at = memory.staging;
    const [schedule, inverse, block] = [at, at + 256, at + 512];
    memory.bytes.set(hex(key), at + 768);
    memory.bytes.set(hex(plain), block);
    core.expandKey(at + 768, schedule);
    core.invertSchedule(schedule, inverse);
    core.encryptBlock(schedule, block);
    expect(text(memory.bytes.slice(block, block + 16))).toBe(cipher);
    core.decryptBlock(inverse, block);
    expect(text(memory.bytes.slice(block, block + 16))).toBe(plain);
  });
});

/** The controller's mode worked out with OpenSSL: XEX, tweak x^j · E(address). */
function encrypted(
  key: Uint8Array,
  tweakKey: Uint8Array,
  spa: number,
  plain: Uint8Array,
): Uint8Array {
  const ecb = (k: Uint8Array, block: Uint8Array) => {
    const cipher = createCipheriv('aes-128-ecb', k, null).setAutoPadding(false);
    return Uint8Array.from(cipher.update(block));
  };
  const address = new Uint8Array(16);
  new DataView(address.buffer).setBigUint64(0, BigInt(spa), true);
  let tweak = ecb(tweakKey, address);
  const out = new Uint8Array(plain.length);
  for (let at = 0; at < plain.length; at += 16) {
    const block = plain.slice(at, at + 16).map((byte, i) => byte ^ (tweak[i] as number));
    out.set(
      ecb(key, block).map((byte, i) => byte ^ (tweak[i] as number)),
      at,
    );
    const next = new Uint8Array(16);
    let carry = 0;
    tweak.forEach((byte, i) => {
      next[i] = ((byte << 1) | carry) & 0xff;
      carry = byte >> 7;
    });
    if (carry) next[0] = (next[0] as number) ^ 0x87;
    tweak = next;
  }
  return out;
}

describe('memory under keys', () => {
  const key = hex('2b7e151628aed2a6abf7158809cf4f3c');
  const tweakKey = hex('000102030405060708090a0b0c0d0e0f');
  const page = Uint8Array.from(randomBytes(4096));

  function coreWithKey() {
    const core = createCore({ systemFrames: 16, gpaFrames: 16 });
    core.setKey(7, key, tweakKey);
    return core;
  }

  it('is AES in XEX mode for the host, as OpenSSL works it out', () => {
    const core = coreWithKey();
    core.write(0x3000, page, 7);
    expect(text(core.read(0x3000, 4096, 0))).toBe(text(encrypted(key, tweakKey, 0x3000, page)));
    expect(text(core.read(0x3000, 4096, 7))).toBe(text(page));
    expect(core.frames.key(3)).toBe(7);
  });

  it('differs from frame to frame', () => {
    const core = coreWithKey();
    core.write(0x3000, page, 7);
    core.write(0x4000, page, 7);
    expect(text(core.read(0x3000, 16, 0))).not.toBe(text(core.read(0x4000, 16, 0)));
  });

  it('is changed for its owner, one block of it, by a byte that the host writes', () => {
    const core = coreWithKey();
    core.write(0x3000, page, 7);
    const before = core.read(0x3020, 1, 0)[0] as number;
    core.write(0x3025, Uint8Array.of(before ^ 0xff), 0);
    const seen = core.read(0x3000, 4096, 7);
    expect(text(seen.slice(0, 0x20))).toBe(text(page.slice(0, 0x20)));
    expect(text(seen.slice(0x20, 0x30))).not.toBe(text(page.slice(0x20, 0x30)));
    expect(text(seen.slice(0x30))).toBe(text(page.slice(0x30)));
  });

  it('is lost when its key is replaced: what stays is the old ciphertext', () => {
    const core = coreWithKey();
    core.write(0x3000, page, 7);
    core.setKey(7, tweakKey, key);
    expect(text(core.read(0x3000, 4096, 0))).toBe(text(encrypted(key, tweakKey, 0x3000, page)));
    expect(text(core.read(0x3000, 4096, 7))).not.toBe(text(page));
  });

  it('looks random to the host where it is all zeros', () => {
    const core = coreWithKey();
    core.write(0x3000, new Uint8Array(4096), 7);
    expect(new Set(core.read(0x3000, 4096, 0)).size).toBeGreaterThan(250);
  });
});
