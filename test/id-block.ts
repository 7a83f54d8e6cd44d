/** Owners of guests, who sign what a launch must come to. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { CURVE_P384, ECDSA_P384_SHA384 } from '../spec/launch.ts';
import { view } from '../spec/layout.ts';
import { EcdsaKey, EcdsaSignature, IdAuthentication, IdBlock } from '../spec/layouts/id-block.ts';
import { IgvmSnpIdBlock } from '../spec/layouts/igvm.ts';
import type { Identity } from '../tools/emulator/psp/id-block.ts';

/** A key that OpenSSL made, as the firmware reads keys, and what signs with it. */
function owner() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const key = new Uint8Array(EcdsaKey.size);
  const fields = view(EcdsaKey, key);
  fields.curve = CURVE_P384;
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

/** An ID block for a launch, authenticated by an ID key and an author key; `edit` changes it before it is signed. */
export function identityFor(
  launch: { readonly digest: Uint8Array; readonly policy: bigint },
  edit: (block: Uint8Array, page: Uint8Array) => void = () => {},
): Identity {
  const [id, author] = [owner(), owner()];
  const block = new Uint8Array(IdBlock.size);
  const page = new Uint8Array(IdAuthentication.size);
  const wanted = view(IdBlock, block);
  wanted.digest.set(launch.digest);
  wanted.version = 1;
  wanted.policy = launch.policy;
  const fields = view(IdAuthentication, page);
  fields.idKeyAlgorithm = ECDSA_P384_SHA384;
  fields.authorKeyAlgorithm = ECDSA_P384_SHA384;
  fields.idKey.set(id.key);
  fields.authorKey.set(author.key);
  edit(block, page);
  fields.blockSignature.set(id.signatureOf(block));
  fields.idKeySignature.set(author.signatureOf(fields.idKey));
  return { block, authentication: page, authorKey: true };
}

/** The same as an IGVM file has it, for platform mask 1. */
export function igvmIdentity({ block, authentication, authorKey }: Identity): Uint8Array {
  const bytes = new Uint8Array(IgvmSnpIdBlock.size);
  const header = view(IgvmSnpIdBlock, bytes);
  const { digest, familyId, imageId, version, guestSvn } = view(IdBlock, block);
  const keys = view(IdAuthentication, authentication);
  header.compatibilityMask = 1;
  header.authorKeyEnabled = authorKey ? 1 : 0;
  header.digest.set(digest);
  header.familyId.set(familyId);
  header.imageId.set(imageId);
  Object.assign(header, { version, guestSvn });
  header.idKeyAlgorithm = keys.idKeyAlgorithm;
  header.authorKeyAlgorithm = keys.authorKeyAlgorithm;
  header.blockSignature.set(keys.blockSignature.subarray(0, 144));
  header.idKeyCurve = view(EcdsaKey, keys.idKey).curve;
  header.idKey.set(keys.idKey.subarray(4, 148));
  header.idKeySignature.set(keys.idKeySignature.subarray(0, 144));
  header.authorKeyCurve = view(EcdsaKey, keys.authorKey).curve;
  header.authorKey.set(keys.authorKey.subarray(4, 148));
  return bytes;
}
