/**
 * What a program can ask of the AMD-SP: reports, keys and the TSC's scale. Each answers with an errno
 * of kernel/wasi/errno.ts; what there is in return is at {@link payload}, after its status.
 * SNP §7.1 to §7.9.
 */

import * as Message from '../../spec/guest-message.ts';
import {
  CertificateEntry,
  KeyRequest,
  KeyResponse,
  ReportRequest,
  ReportResponse,
  TscInfoResponse,
} from '../../spec/layouts/guest-message.ts';
import { INVALID_KEY, INVALID_PARAM } from '../../spec/psp-status.ts';
import { load32, load64 } from '../cpu.ts';
import { sharePages } from '../mm/sharing.ts';
import { EACCES, EINVAL, EIO, ENOTSUP, SUCCESS } from '../wasi/errno.ts';
import { ANSWERED, ask, hasCertificates, NO_CHANNEL, payload } from './channel.ts';

export const REPORT_DATA_SIZE: u32 = 64;
export const REPORT_SIZE: u32 = 0x4a0;
const REPORT_OFFSET: usize = 0x20;
const KEY_OFFSET: usize = 0x20;
/** The most pages for certificates; a chain of three is less than two. */
const CERTIFICATE_PAGES: u32 = 4;
const PAGE: u32 = 0x1000;
export const CERTIFICATE_ROOM: u32 = CERTIFICATE_PAGES * PAGE;

const certificates: usize = memory.data(0x4000, 4096);
let lent: bool = false;

/**
 * Asks for a report for privilege level `vmpl` with the 64 bytes at {@link payload}; for the
 * certificates with it if `room`, in bytes, is at least a page.
 */
export function report(vmpl: u32, room: u32): u32 {
  const message = changetype<ReportRequest>(payload());
  memory.fill(payload() + REPORT_DATA_SIZE, 0, ReportRequest.SIZE - REPORT_DATA_SIZE);
  message.vmpl = vmpl;
  const pages = min<u32>(room / PAGE, CERTIFICATE_PAGES);
  if (pages !== 0) lendCertificatePages();
  const type = u8(Message.REPORT_REQUEST);
  const end = ask(type, ReportRequest.SIZE, ReportResponse.SIZE, certificates, pages);
  if (end !== ANSWERED) return errnoOf(end);
  const answer = changetype<ReportResponse>(payload());
  if (answer.status !== 0) return errnoOfStatus(answer.status);
  return answer.reportSize === REPORT_SIZE ? SUCCESS : EIO;
}

/** The report that {@link report} got. */
export function reportAt(): usize {
  return payload() + REPORT_OFFSET;
}

/** Where the certificates are that came with the last report, in memory that the host writes; 0 if none did. */
export function certificatesAt(): usize {
  return hasCertificates() ? certificates : 0;
}

/** Asks for the key that the 32 bytes at {@link payload}, a KeyRequest, describe. */
export function deriveKey(): u32 {
  const end = ask(u8(Message.KEY_REQUEST), KeyRequest.SIZE, KeyResponse.SIZE, 0, 0);
  if (end !== ANSWERED) return errnoOf(end);
  return errnoOfStatus(changetype<KeyResponse>(payload()).status);
}

/** The 32 bytes that {@link deriveKey} got. */
export function keyAt(): usize {
  return payload() + KEY_OFFSET;
}

/** Asks how the guest's TSC follows from the host's; the answer is a TscInfoResponse at {@link payload}. */
export function tscInfo(): u32 {
  const size = TscInfoResponse.SIZE;
  memory.fill(payload(), 0, size);
  const end = ask(u8(Message.TSC_INFO_REQUEST), size, size, 0, 0);
  if (end !== ANSWERED) return errnoOf(end);
  return errnoOfStatus(changetype<TscInfoResponse>(payload()).status);
}

/**
 * Bytes of the table at the virtual address `table` and of the certificates that it names, of which
 * there are `room` bytes in all: 0 unless each lies behind the table, and in the room.
 */
export function certificatesSize(table: u64, room: u32): u32 {
  let entries: u32 = 0;
  let end: u32 = 0;
  while (true) {
    const at = entries * CertificateEntry.SIZE;
    if (at + CertificateEntry.SIZE > room) return 0;
    entries++;
    const entry = table + u64(at);
    const offset = load32(entry + 16);
    const size = load32(entry + 20);
    if ((load64(entry) | load64(entry + 8) | u64(offset) | u64(size)) === 0) break;
    if (offset > room || size > room - offset) return 0;
    end = max<u32>(end, offset + size);
  }
  const tableSize = entries * CertificateEntry.SIZE;
  for (let at: u32 = 0; at < tableSize - CertificateEntry.SIZE; at += CertificateEntry.SIZE) {
    if (load32(table + u64(at) + 16) < tableSize) return 0;
  }
  return max<u32>(end, tableSize);
}

/** Forgets what the AMD-SP said, and what it was asked. */
export function forgetAnswer(): void {
  memory.fill(payload(), 0, ReportResponse.SIZE);
}

function lendCertificatePages(): void {
  if (lent) return;
  lent = true;
  sharePages(certificates, CERTIFICATE_PAGES);
}

function errnoOf(end: u32): u32 {
  return end === NO_CHANNEL ? ENOTSUP : EIO;
}

function errnoOfStatus(status: u32): u32 {
  if (status === 0) return SUCCESS;
  if (status === INVALID_PARAM) return EINVAL;
  return status === INVALID_KEY ? EACCES : EIO;
}
