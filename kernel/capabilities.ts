/**
 * Capabilities that need the AMD-SP, offered to programs in module `tacit`: docs/manifest.md has what
 * each takes and gives. They answer with an errno: ENOTSUP where there is no AMD-SP to ask, EINVAL
 * and EACCES as the AMD-SP says, EIO where the host came between: then there is no second time.
 */

import { KeyRequest } from '../spec/layouts/guest-message.ts';
import { copyIn, copyOut, isInMemory, memoryBase } from './compartment.ts';
import {
  CERTIFICATE_ROOM,
  certificatesAt,
  certificatesSize,
  deriveKey,
  forgetAnswer,
  keyAt,
  REPORT_DATA_SIZE,
  REPORT_SIZE,
  report,
  reportAt,
  tscInfo,
} from './sev/attestation.ts';
import { payload } from './sev/channel.ts';
import { EFAULT, SUCCESS } from './wasi/errno.ts';

const KEY_SIZE: u32 = 32;
/** Of TSC info: scale, offset and factor. */
const TSC_INFO_SIZE: u32 = 20;
const TSC_INFO_OFFSET: usize = 8;
const word: usize = memory.data(4, 4);

/** `report`: at `out`, 4A0h bytes, a report of the 64 bytes at `data`, for privilege level `vmpl`. */
export function tacit_report(_compartment: u32, data: u32, vmpl: u32, out: u32): u32 {
  return reportTo(data, vmpl, out, 0);
}

/**
 * `extended_report`: as `report`; at `certificates`, where there is room for `room` bytes, the
 * table of certificates that the host has, and at `size` its bytes, 0 if it has none or no room.
 */
export function tacit_extended_report(
  _compartment: u32,
  data: u32,
  vmpl: u32,
  out: u32,
  certificates: u32,
  room: u32,
  size: u32,
): u32 {
  const taken = min<u32>(room, CERTIFICATE_ROOM);
  if (!isInMemory(certificates, taken) || !isInMemory(size, 4)) return EFAULT;
  const result = reportTo(data, vmpl, out, taken);
  if (result !== SUCCESS) return result;
  let bytes: u32 = 0;
  const from = certificatesAt();
  if (from !== 0) {
    // Copied once, to where the host does not reach, and looked at there.
    const whole = taken & ~0xfff;
    copyOut(certificates, from, whole);
    bytes = certificatesSize(memoryBase() + u64(certificates), whole);
  }
  store<u32>(word, bytes);
  copyOut(size, word, 4);
  return SUCCESS;
}

/** `derived_key`: at `out`, 32 bytes, the key that the 32 bytes at `request` describe. SNP §7.2. */
export function tacit_derived_key(_compartment: u32, request: u32, out: u32): u32 {
  if (!isInMemory(out, KEY_SIZE) || !copyIn(payload(), request, KeyRequest.SIZE)) return EFAULT;
  const result = deriveKey();
  if (result === SUCCESS) copyOut(out, keyAt(), KEY_SIZE);
  forgetAnswer();
  return result;
}

/** `tsc_info`: at `out` GUEST_TSC_SCALE and GUEST_TSC_OFFSET, eight bytes each, and TSC_FACTOR, four. */
export function tacit_tsc_info(_compartment: u32, out: u32): u32 {
  if (!isInMemory(out, TSC_INFO_SIZE)) return EFAULT;
  const result = tscInfo();
  if (result === SUCCESS) {
    copyOut(out, payload() + TSC_INFO_OFFSET, TSC_INFO_SIZE);
  }
  forgetAnswer();
  return result;
}

function reportTo(data: u32, vmpl: u32, out: u32, room: u32): u32 {
  if (!isInMemory(out, REPORT_SIZE) || !copyIn(payload(), data, REPORT_DATA_SIZE)) return EFAULT;
  const result = report(vmpl, room);
  if (result === SUCCESS) copyOut(out, reportAt(), REPORT_SIZE);
  forgetAnswer();
  return result;
}
