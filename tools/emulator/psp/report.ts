import { createHash } from 'node:crypto';
import { p384 } from '@noble/curves/nist.js';
import { view } from '../../../spec/layout.ts';
import { IdBlock } from '../../../spec/layouts/id-block.ts';
import { AttestationReport } from '../../../spec/layouts/report.ts';
import { FMS } from '../cpuid/model.ts';
import { CHIP_ID, chipKeys, TCB } from './chip.ts';
import type { GuestContext } from './guest-context.ts';
import { ABI_MAJOR, ABI_MINOR } from './policy.ts';

const VERSION = 3;
const ECDSA_P384 = 1;
/** PLATFORM_INFO: SMT is on, memory aliases were looked for. */
const PLATFORM_INFO = 0x21n;
const AUTHOR_KEY_EN = 1;
const BUILD = 21;
const SIGNED_SIZE = 0x2a0;
const SCALAR_SIZE = 48;

/** An attestation report of the guest, signed with the VCEK. SNP, MSG_REPORT_RSP. */
export function attestationReport(
  context: GuestContext,
  vmpl: number,
  reportData: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(AttestationReport.size);
  const report = view(AttestationReport, bytes);
  report.version = VERSION;
  report.policy = context.policy;
  report.vmpl = vmpl;
  report.signatureAlgo = ECDSA_P384;
  report.platformInfo = PLATFORM_INFO;
  report.reportData.set(reportData);
  report.measurement.set(context.digest);
  report.hostData.set(context.hostData);
  if (context.identity) {
    const { block, idKeyDigest, authorKeyDigest, authorKey } = context.identity;
    const { guestSvn, familyId, imageId } = view(IdBlock, block);
    report.guestSvn = guestSvn;
    report.familyId.set(familyId);
    report.imageId.set(imageId);
    report.idKeyDigest.set(idKeyDigest);
    report.authorKeyDigest.set(authorKeyDigest);
    report.flags = authorKey ? AUTHOR_KEY_EN : 0;
  }
  report.reportId.set(context.reportId);
  // There is no migration agent.
  report.reportIdMa.fill(0xff);
  for (const name of ['currentTcb', 'reportedTcb', 'committedTcb', 'launchTcb'] as const) {
    report[name] = TCB;
  }
  report.cpuFamily = ((FMS >> 8) & 15) + ((FMS >> 20) & 0xff);
  report.cpuModel = ((FMS >> 4) & 15) | ((FMS >> 12) & 0xf0);
  report.cpuStepping = FMS & 15;
  report.chipId.set(CHIP_ID);
  report.currentBuild = report.committedBuild = BUILD;
  report.currentMinor = report.committedMinor = ABI_MINOR;
  report.currentMajor = report.committedMajor = ABI_MAJOR;
  const { r, s } = sign(bytes.subarray(0, SIGNED_SIZE));
  report.signatureR.set(r);
  report.signatureS.set(s);
  return bytes;
}

/** ECDSA over SHA-384, by RFC 6979, so that a run stays the same to the last byte; little endian. */
function sign(message: Uint8Array): { r: Uint8Array; s: Uint8Array } {
  const digest = createHash('sha384').update(message).digest();
  const options = { prehash: false, lowS: false } as const;
  const signature = p384.sign(new Uint8Array(digest), chipKeys().vcek, options);
  const part = (from: number) => signature.slice(from, from + SCALAR_SIZE).reverse();
  return { r: part(0), s: part(SCALAR_SIZE) };
}
