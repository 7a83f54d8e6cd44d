import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cipherInstructions } from '../../test/kernel/cipher.ts';
import { random } from '../../test/random.ts';
import { assemble, flagsFor } from '../../tools/compiler/assemblyscript.ts';
import { root } from '../../tools/root.ts';

interface Sealed {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: string;
}

interface Drawn {
  readonly source: string;
  readonly entropy: string;
  readonly nonce: string;
  readonly reseed?: string;
  readonly output: string;
}

const vectors = (name: string) =>
  JSON.parse(readFileSync(join(root, 'kernel/crypto/vectors', `${name}.json`), 'utf8'));

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

type Crypto = Record<string, (...args: number[]) => number>;

let exports: Crypto;
let memory: WebAssembly.Memory;
let room: number;

beforeAll(async () => {
  const wasm = await assemble('test/fixtures/crypto-kernel.ts', flagsFor.kernel);
  const bytes = (va: bigint) => new Uint8Array(memory.buffer, Number(va));
  const all = { get: () => () => 0 };
  const cpu = cipherInstructions(bytes);
  const { instance } = await WebAssembly.instantiate(wasm, {
    cpu: new Proxy(cpu, { get: (target, name) => Reflect.get(target, name) ?? (() => 0) }),
    volatile: new Proxy({}, all),
    image: new Proxy({}, all),
    boot: new Proxy({}, all),
  });
  exports = instance.exports as unknown as Crypto;
  memory = instance.exports.memory as WebAssembly.Memory;
  room = call('roomAt');
});

function call(name: string, ...args: number[]): number {
  const run = exports[name];
  if (!run) throw new RangeError(`the kernel has no ${name}`);
  return run(...args);
}

/** Puts each of `parts` into the room, aligned to 16; their addresses. */
function place(...parts: Uint8Array[]): number[] {
  let at = room;
  return parts.map((part) => {
    const place = at;
    new Uint8Array(memory.buffer).set(part, place);
    at = (at + part.length + 31) & ~15;
    return place;
  });
}

const read = (at: number, size: number) => new Uint8Array(memory.buffer.slice(at, at + size));

/** Seals, or opens, `data` in place: the bytes, the tag, and whether it could be opened. */
function transform(sealing: boolean, { key, iv, aad, tag }: Sealed, data: Uint8Array) {
  const places = place(new Uint8Array(240), hex(key), hex(iv), hex(aad), data, hex(tag));
  const [schedule, keyAt, ivAt, aadAt, dataAt, tagAt] = places as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  call('expandKey', keyAt, schedule);
  const name = sealing ? 'seal' : 'open';
  const ok = call(name, schedule, ivAt, aadAt, aad.length / 2, dataAt, data.length, tagAt);
  return { bytes: text(read(dataAt, data.length)), tag: text(read(tagAt, 16)), ok: ok === 1 };
}

describe('AES-256-GCM', () => {
  it.each(['wycheproof-aes-256-gcm', 'nist-aes-256-gcm'])('agrees with %s', (name) => {
    const cases: Sealed[] = vectors(name);
    expect(cases.length).toBeGreaterThan(4);
    for (const one of cases) {
      const valid = one.result === 'valid';
      const opened = transform(false, one, hex(one.ct));
      expect(opened, JSON.stringify(one)).toEqual({
        bytes: valid ? one.msg : one.ct,
        tag: one.tag,
        ok: valid,
      });
      if (!valid) continue;
      const { bytes, tag } = transform(true, { ...one, tag: '' }, hex(one.msg));
      expect({ bytes, tag }, JSON.stringify(one)).toEqual({ bytes: one.ct, tag: one.tag });
    }
  });

  it('makes the message of the fact sheet: a report request with sequence number 1', () => {
    const header = new Uint8Array(0x60);
    const at = new DataView(header.buffer);
    at.setBigUint64(0x20, 1n, true);
    header.set([1, 1, 0x60, 0, 5, 1, 96, 0], 0x30);
    const one = {
      key: text(Uint8Array.from({ length: 32 }, (_, i) => i)),
      iv: '010000000000000000000000',
      aad: text(header.subarray(0x30)),
      tag: '',
    } as Sealed;
    const { bytes, tag } = transform(true, one, new Uint8Array(96));
    expect(tag).toBe('f82ad6a7637d3333e57fd9adeb832a0f');
    expect(bytes.slice(0, 64)).toBe(
      'e22c823fa4afec074a0405c33cc188cbcc61cf2e7ca86b124e1f5dfe1d268770',
    );
    header.set(hex(tag));
    const message = createHash('sha256').update(header).update(hex(bytes)).digest('hex');
    expect(message).toBe('0efb430c8e6a23b97206a298cb5e0ed957120172a43a86f7c6303b5d5fd4c144');
  });

  it('opens nothing of which one bit was changed', () => {
    const next = random();
    const [good] = (vectors('nist-aes-256-gcm') as Sealed[]).slice(2);
    for (const part of ['ct', 'tag', 'aad', 'iv', 'key'] as const) {
      const bytes = hex(good?.[part] ?? '');
      const bit = next() % (bytes.length * 8);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const spoilt = { ...(good as Sealed), [part]: text(bytes) };
      const { ok, bytes: left } = transform(false, spoilt, hex(spoilt.ct));
      expect({ ok, left }, `${part} ${next.seed}`).toEqual({ ok: false, left: spoilt.ct });
    }
  });
});

describe('SHA-256 and its HMAC', () => {
  it('agree with Node’s, for each size up to three blocks', () => {
    const next = random();
    for (let size = 0; size < 192; size++) {
      const data = Uint8Array.from({ length: size }, () => next());
      const key = Uint8Array.from({ length: 32 }, () => next());
      const [dataAt, keyAt, out] = place(data, key, new Uint8Array(32)) as [number, number, number];
      call('beginDigest');
      call('addToDigest', dataAt, size);
      call('finishDigest', out);
      const digest = createHash('sha256').update(data).digest('hex');
      expect(text(read(out, 32)), next.seed).toBe(digest);
      call('beginMac', keyAt);
      call('addToDigest', dataAt, size);
      call('finishMac', keyAt, out);
      const mac = createHmac('sha256', key).update(data).digest('hex');
      expect(text(read(out, 32)), next.seed).toBe(mac);
    }
  });
});

describe('HMAC_DRBG', () => {
  it('agrees with NIST’s vectors', () => {
    const cases: Drawn[] = vectors('nist-hmac-drbg-sha-256');
    expect(cases).toHaveLength(18);
    for (const { source, entropy, nonce, reseed, output } of cases) {
      const seed = hex(entropy + nonce);
      const fresh = hex(reseed ?? '');
      const size = output.length / 2;
      const places = place(seed, fresh, new Uint8Array(size));
      const [seedAt, freshAt, out] = places as [number, number, number];
      call('instantiate', seedAt, seed.length);
      if (fresh.length > 0) call('reseed', freshAt, fresh.length);
      call('generate', out, size);
      call('generate', out, size);
      expect(text(read(out, size)), source).toBe(output);
    }
  });
});
