import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { view } from '../../../spec/layout.ts';
import { IdAuthentication } from '../../../spec/layouts/id-block.ts';
import * as Status from '../../../spec/psp-status.ts';
import { identityFor } from '../../../test/id-block.ts';
import { checkIdentity } from './id-block.ts';

const POLICY = 0x3_0000n;
const DIGEST = new Uint8Array(48).fill(0xd1);
const launch = { digest: DIGEST, policy: POLICY };

describe('an ID block', () => {
  it('that fits the launch and is signed is known by the digests of its keys', () => {
    const one = identityFor(launch);
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
    const one = identityFor(launch);
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
    const one = identityFor(launch);
    change(one.block, one.authentication);
    expect(checkIdentity(launch, one).status).toBe(status);
  });

  it('is refused where its key is on another curve', () => {
    const one = identityFor(launch, (_, page) => page.fill(1, 0x240, 0x241));
    expect(checkIdentity(launch, one).status).toBe(Status.BAD_SIGNATURE);
  });
});
