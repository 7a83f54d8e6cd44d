import { createHash } from 'node:crypto';
import { p384 } from '@noble/curves/nist.js';
import { CURVE_P384, ECDSA_P384_SHA384 } from '../../../spec/launch.ts';
import { view } from '../../../spec/layout.ts';
import {
  EcdsaKey,
  EcdsaSignature,
  IdAuthentication,
  IdBlock,
} from '../../../spec/layouts/id-block.ts';
import * as Status from '../../../spec/psp-status.ts';
import type { GuestContext } from './guest-context.ts';
import { sha384 } from './launch-digest.ts';

const SCALAR_SIZE = 48;
const UNCOMPRESSED = 4;

/** What the guest's owner says of a launch, and signs. SNP, LAUNCH_FINISH. */
export interface Identity {
  /** An ID block, and the page that authenticates it. */
  readonly block: Uint8Array;
  readonly authentication: Uint8Array;
  /** Whether another key vouches for the one that signed the block. */
  readonly authorKey: boolean;
}

/** What is remembered of an identity that was found right. */
export interface KnownIdentity {
  readonly block: Uint8Array;
  /** SHA-384 of the keys; zeros where there is none. */
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly authorKey: boolean;
}

/**
 * Holds a launch against its ID block: digest, policy, algorithms, signatures, in the firmware's order. The
 * status, and with SUCCESS what to remember. SNP, LAUNCH_FINISH.
 */
export function checkIdentity(
  context: Pick<GuestContext, 'digest' | 'policy'>,
  identity: Identity,
): { readonly status: number; readonly known?: KnownIdentity } {
  const block = identity.block.slice(0, IdBlock.size);
  const page = identity.authentication.slice(0, IdAuthentication.size);
  const wanted = view(IdBlock, block);
  const keys = view(IdAuthentication, page);
  if (!wanted.digest.every((byte, i) => byte === context.digest[i])) {
    return { status: Status.BAD_MEASUREMENT };
  }
  if (wanted.policy !== context.policy) return { status: Status.POLICY_FAILURE };
  const known = (algorithm: number) => algorithm === ECDSA_P384_SHA384;
  if (!known(keys.idKeyAlgorithm) || (identity.authorKey && !known(keys.authorKeyAlgorithm))) {
    return { status: Status.INVALID_PARAM };
  }
  const signed = verifies(keys.idKey, keys.blockSignature, block);
  const vouched = !identity.authorKey || verifies(keys.authorKey, keys.idKeySignature, keys.idKey);
  if (!signed || !vouched) return { status: Status.BAD_SIGNATURE };
  const none = new Uint8Array(SCALAR_SIZE);
  return {
    status: Status.SUCCESS,
    known: {
      block,
      idKeyDigest: sha384(keys.idKey),
      authorKeyDigest: identity.authorKey ? sha384(keys.authorKey) : none,
      authorKey: identity.authorKey,
    },
  };
}

/** Whether `signature` is one of `message` under `key`, a point of P-384. */
function verifies(key: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  const { curve, qx, qy } = view(EcdsaKey, key);
  const { r, s } = view(EcdsaSignature, signature);
  if (curve !== CURVE_P384) return false;
  if ([qx, qy, r, s].some((number) => number.subarray(SCALAR_SIZE).some((byte) => byte !== 0))) {
    return false;
  }
  const digest = createHash('sha384').update(message).digest();
  const point = Uint8Array.of(UNCOMPRESSED, ...bigEndian(qx), ...bigEndian(qy));
  const pair = Uint8Array.of(...bigEndian(r), ...bigEndian(s));
  try {
    return p384.verify(pair, new Uint8Array(digest), point, { prehash: false, lowS: false });
  } catch {
    // Not a point of the curve, or not numbers below its order.
    return false;
  }
}

function bigEndian(number: Uint8Array): Uint8Array {
  return number.slice(0, SCALAR_SIZE).reverse();
}
