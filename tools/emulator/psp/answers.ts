import { view } from '../../../spec/layout.ts';
import {
  KeyRequest,
  KeyResponse,
  ReportRequest,
  ReportResponse,
  TscInfoResponse,
} from '../../../spec/layouts/guest-message.ts';
import { IdBlock } from '../../../spec/layouts/id-block.ts';
import { AttestationReport } from '../../../spec/layouts/report.ts';
import * as Status from '../../../spec/psp-status.ts';
import { TSC_FACTOR } from '../vcpu/secure-tsc.ts';
import { KEY_ROOT, TCB } from './chip.ts';
import { checkFunctions, FUNCTION_SIZE, MAX_FUNCTIONS } from './cpuid-page.ts';
import type { GuestContext } from './guest-context.ts';
import { deriveKey, FIELDS_ALL } from './key-derivation.ts';
import { attestationReport } from './report.ts';

const VMPL_MAX = 3;
/** KEY_SEL: VLEK if there is one, else VCEK; VCEK; VLEK. There is no VLEK here. */
const KEY_VLEK = 2;
const ROOT_VMRK = 1;
/** Whose digest is mixed in: the key that signed the ID block, or the one that vouches for it. */
const ID_KEY = 1;
const AUTHOR_KEY = 2;
const CPUID_HEAD = 16;

/** MSG_REPORT_RSP. SNP §7.3. */
export function answerReport(context: GuestContext, vmpck: number, payload: Uint8Array) {
  if (payload.length !== ReportRequest.size) return undefined;
  const { vmpl, keySelect, reportData } = view(ReportRequest, payload);
  const answer = new Uint8Array(ReportResponse.size);
  const response = view(ReportResponse, answer);
  const reserved = payload.subarray(0x48).some((byte) => byte !== 0);
  if (vmpl < vmpck || vmpl > VMPL_MAX || keySelect > 3 || reserved) {
    response.status = Status.INVALID_PARAM;
  } else if (keySelect >= KEY_VLEK) {
    response.status = Status.INVALID_KEY;
  } else {
    response.reportSize = AttestationReport.size;
    response.report.set(attestationReport(context, vmpl, reportData));
  }
  return answer;
}

/** MSG_KEY_RSP. SNP §7.2. */
export function answerKey(context: GuestContext, vmpck: number, payload: Uint8Array) {
  if (payload.length !== KeyRequest.size) return undefined;
  const request = view(KeyRequest, payload);
  const answer = new Uint8Array(KeyResponse.size);
  const response = view(KeyResponse, answer);
  const root = request.rootKeySelect & 1;
  const select = (request.rootKeySelect >> 1) & 3;
  const reserved = new DataView(payload.buffer, payload.byteOffset).getUint32(4, true);
  const identity = identityOf(context);
  const invalid =
    request.rootKeySelect > 7 ||
    reserved !== 0 ||
    (request.fieldSelect & ~FIELDS_ALL) !== 0n ||
    request.vmpl < vmpck ||
    request.vmpl > VMPL_MAX ||
    request.guestSvn > identity.guestSvn ||
    !tcbAtMost(request.tcbVersion, TCB);
  if (invalid) response.status = Status.INVALID_PARAM;
  else if (root !== ROOT_VMRK && select >= KEY_VLEK) response.status = Status.INVALID_KEY;
  else {
    const key = deriveKey(root === ROOT_VMRK ? context.vmrk : KEY_ROOT, {
      root: root | (identity.keySelect << 1),
      fields: request.fieldSelect,
      vmpl: request.vmpl,
      guestSvn: request.guestSvn,
      tcb: request.tcbVersion,
      policy: context.policy,
      imageId: identity.imageId,
      familyId: identity.familyId,
      measurement: context.digest,
      hostData: context.hostData,
      keyDigest: identity.keyDigest,
    });
    response.key.set(key);
  }
  return answer;
}

/** What derived keys have of the ID block; zeros where the launch had none. SNP, MSG_KEY_REQ. */
function identityOf({ identity }: GuestContext) {
  const { guestSvn, imageId, familyId } = view(
    IdBlock,
    identity?.block ?? new Uint8Array(IdBlock.size),
  );
  const author = identity?.authorKey === true;
  const keyDigest = author ? identity.authorKeyDigest : identity?.idKeyDigest;
  const keySelect = identity === undefined ? 0 : author ? AUTHOR_KEY : ID_KEY;
  return { guestSvn, imageId, familyId, keySelect, keyDigest: keyDigest ?? new Uint8Array(48) };
}

/** MSG_TSC_INFO_RSP. SNP §7.9. */
export function answerTscInfo(context: GuestContext, _vmpck: number, payload: Uint8Array) {
  if (payload.length !== TscInfoResponse.size) return undefined;
  const answer = new Uint8Array(TscInfoResponse.size);
  const response = view(TscInfoResponse, answer);
  if (payload.some((byte) => byte !== 0)) response.status = Status.INVALID_PARAM;
  else {
    response.scale = context.tscScale;
    response.offset = context.tscOffset;
    response.factor = TSC_FACTOR;
  }
  return answer;
}

/** MSG_CPUID_RSP: the functions of the request as the processor would have them. SNP §7.1. */
export function answerCpuid(_context: GuestContext, _vmpck: number, payload: Uint8Array) {
  const data = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const answer = payload.slice();
  const words = new DataView(answer.buffer);
  const count = payload.length < CPUID_HEAD ? undefined : data.getUint32(0, true);
  if (count === undefined) return undefined;
  words.setUint32(4, count, true);
  const fits = count <= MAX_FUNCTIONS && CPUID_HEAD + count * FUNCTION_SIZE <= payload.length;
  const honest = fits && checkFunctions(answer.subarray(CPUID_HEAD), count);
  words.setUint32(0, honest ? Status.SUCCESS : Status.INVALID_PARAM, true);
  return answer;
}

/** Whether each component of `tcb` is at most that of `limit`. SNP, TCB_VERSION. */
function tcbAtMost(tcb: bigint, limit: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    if (((tcb >> shift) & 0xffn) > ((limit >> shift) & 0xffn)) return false;
  }
  return true;
}
