import { type View, view } from '../../../spec/layout.ts';
import { EcdsaKey, IdAuthentication, IdBlock } from '../../../spec/layouts/id-block.ts';
import type { IgvmSnpIdBlock } from '../../../spec/layouts/igvm.ts';
import type { Identity } from '../psp/id-block.ts';

/** An identity that a file brings along: the guest's policy is still to be put into it. */
export type SignedIdentity = (policy: bigint) => Identity;

/** What the AMD-SP is given for a SNP_ID_BLOCK header. IGVM, SNP_ID_BLOCK; SNP, LAUNCH_FINISH. */
export function signedIdentity(header: View<typeof IgvmSnpIdBlock>): SignedIdentity {
  const block = new Uint8Array(IdBlock.size);
  const page = new Uint8Array(IdAuthentication.size);
  const wanted = view(IdBlock, block);
  wanted.digest.set(header.digest);
  wanted.familyId.set(header.familyId);
  wanted.imageId.set(header.imageId);
  wanted.version = header.version;
  wanted.guestSvn = header.guestSvn;
  const keys = view(IdAuthentication, page);
  keys.idKeyAlgorithm = header.idKeyAlgorithm;
  keys.authorKeyAlgorithm = header.authorKeyAlgorithm;
  keys.blockSignature.set(header.blockSignature);
  keys.idKey.set(firmwareKey(header.idKeyCurve, header.idKey));
  keys.idKeySignature.set(header.idKeySignature);
  keys.authorKey.set(firmwareKey(header.authorKeyCurve, header.authorKey));
  const authorKey = header.authorKeyEnabled === 1;
  return (policy) => {
    wanted.policy = policy;
    return { block, authentication: page, authorKey };
  };
}

/** The file has a word more between curve and point than the firmware. */
function firmwareKey(curve: number, point: Uint8Array): Uint8Array {
  const key = new Uint8Array(EcdsaKey.size);
  const fields = view(EcdsaKey, key);
  fields.curve = curve;
  fields.qx.set(point.subarray(0, fields.qx.length));
  fields.qy.set(point.subarray(fields.qx.length));
  return key;
}
