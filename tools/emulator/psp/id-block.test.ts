import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { view } from '../../../spec/layout.ts';
import {
  EcdsaKey,
  EcdsaSignature,
  IdAuthentication,
  IdBlock,
} from '../../../spec/layouts/id-block.ts';
import * as Status from '../../../spec/psp-status.ts';
import { checkIdentity, type Identity } from './id-block.ts';

const POLICY = 0x3_0000n;
const DIGEST = new Uint8Array(48).fill(0xd1);
const launch = { digest: DIGEST, policy: POLICY };

/** A key that OpenSSL made, as the firmware reads keys, and what signs with it. */
function owner() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const key = new Uint8Array(EcdsaKey.size);
  const fields = view(EcdsaKey, key);
  fields.curve = 2;
  fields.qx.set(Buffer.from(x, 'base64url').reverse());
  fields.qy.set(Buffer.from(y, 'base64url').reverse());
  const signatureOf = (message: Uint8Array) => {
    const raw = sign('sha384', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const signature = new Uint8Array(EcdsaSignature.size);
    view(EcdsaSignature, signature).r.set(raw.subarray(0, 48).reverse());
    view(EcdsaSignature, signature).s.set(raw.subarray(48).reverse());
    return signature;
  };
  return { key, signatureOf };
}

/** An ID block for `launch` with its authentication, changed by `edit` before it is signed. */
function identity(edit: (block: Uint8Array, page: Uint8Array) => void = () => {}): Identity {
  const [id, author] = [owner(), owner()];
  const block = new Uint8Array(IdBlock.size);
  const page = new Uint8Array(IdAuthentication.size);
  const wanted = view(IdBlock, block);
  wanted.digest.set(DIGEST);
  wanted.version = 1;
  wanted.policy = POLICY;
  const fields = view(IdAuthentication, page);
  Object.assign(fields, { idKeyAlgorithm: 1, authorKeyAlgorithm: 1 });
  fields.idKey.set(id.key);
  fields.authorKey.set(author.key);
  edit(block, page);
  fields.blockSignature.set(id.signatureOf(block));
  fields.idKeySignature.set(author.signatureOf(fields.idKey));
  return { block, authentication: page, authorKey: true };
}

describe('an ID block', () => {
  it('that fits the launch and is signed is known by the digests of its keys', () => {
    const one = identity();
    const { status, known } = checkIdentity(launch, one);
    expect(status).toBe(Status.SUCCESS);
    const { idKey, authorKey } = view(IdAuthentication, one.authentication);
    const sha384 = (bytes: Uint8Array) =>
      new Uint8Array(createHash('sha384').update(bytes).digest());
    expect(known?.idKeyDigest).toEqual(sha384(idKey));
    expect(known?.authorKeyDigest).toEqual(sha384(authorKey));
    const alone = checkIdentity(launch, { ...one, authorKey: false });
    expect(alone.known?.authorKeyDigest).toEqual(new Uint8Array(48));
  });

  it('does not fit a launch that came to something else', () => {
    const one = identity();
    const other = { digest: new Uint8Array(48), policy: POLICY };
    expect(checkIdentity(other, one).status).toBe(Status.BAD_MEASUREMENT);
    const debug = { digest: DIGEST, policy: POLICY | 0x8_0000n };
    expect(checkIdentity(debug, one).status).toBe(Status.POLICY_FAILURE);
  });

  it.each([
    ['its version', (block: Uint8Array) => block.fill(9, 0x50, 0x51), Status.BAD_SIGNATURE],
    [
      'the signature',
      (_: Uint8Array, page: Uint8Array) => page.fill(1, 0x40, 0x41),
      Status.BAD_SIGNATURE,
    ],
    [
      'a number beyond the curve',
      (_: Uint8Array, page: Uint8Array) => page.fill(1, 0x70, 0x71),
      Status.BAD_SIGNATURE,
    ],
    [
      'the key',
      (_: Uint8Array, page: Uint8Array) => page.fill(1, 0x250, 0x251),
      Status.BAD_SIGNATURE,
    ],
    [
      'who vouches for the key',
      (_: Uint8Array, page: Uint8Array) => page.fill(1, 0x680, 0x681),
      Status.BAD_SIGNATURE,
    ],
    [
      'the algorithm',
      (_: Uint8Array, page: Uint8Array) => page.fill(2, 0, 1),
      Status.INVALID_PARAM,
    ],
  ])('is refused where somebody changes %s', (_what, change, status) => {
    const one = identity();
    change(one.block, one.authentication);
    expect(checkIdentity(launch, one).status).toBe(status);
  });

  it('is refused where its key is on another curve', () => {
    const one = identity((_, page) => page.fill(1, 0x240, 0x241));
    expect(checkIdentity(launch, one).status).toBe(Status.BAD_SIGNATURE);
  });
});
