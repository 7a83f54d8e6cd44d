/**
 * The channel to the AMD-SP: messages that only it can read and only it can have written, carried
 * by the host. SNP §7, §8.26; GHCB §4.1.7.
 *
 * A sequence number is a nonce of AES-GCM, so nothing but one ciphertext may ever go out under it.
 * A message that the host did not pass on is sent again byte for byte; after any other failure
 * nobody can tell what the AMD-SP saw, and the key is gone for good.
 */

import * as Exit from '../../spec/ghcb-event.ts';
import * as Message from '../../spec/guest-message.ts';
import { MessageHeader } from '../../spec/layouts/guest-message.ts';
import { copy, fill, load32, rdtsc, store32 } from '../cpu.ts';
import { expandKey, KEY_SIZE, SCHEDULE_SIZE } from '../crypto/aes.ts';
import { hasCipher, open, seal } from '../crypto/aes-gcm.ts';
import { imageInfo, TOP } from '../handoff.ts';
import { sharePages } from '../mm/sharing.ts';
import { isSnp } from '../platform.ts';
import * as shared from '../volatile.ts';
import { begin, outputInfo2, setRax, setRbx } from './ghcb.ts';
import { request } from './request.ts';

/** How a message fared. */
export const ANSWERED: u32 = 0;
/** This mode, or this CPU, has no channel. */
export const NO_CHANNEL: u32 = 1;
/** It failed now or before, and the key is gone. */
export const CLOSED: u32 = 2;

/** The key that the AMD-SP takes from this privilege level. */
const VMPCK: u8 = 0;
/** The secrets page: VMPCK0, and the last sequence number used with it. */
const KEY_OFFSET: u64 = 0x20;
const SEQUENCE_OFFSET: u64 = 0xa0;
/** A number above this does not fit where it is kept. */
const LAST_SEQUENCE: u32 = 0xffff_fffc;
const HEADER: u32 = Message.HEADER_SIZE;
/** Header and the longest payload, a report. */
const BUFFER_SIZE: u32 = 0x520;
const PAGE: u32 = 0x1000;

/** Ticks to wait before a message is sent again: the double each time, up to the most; then we give up. */
const FIRST_WAIT: u64 = 0x10_0000;
const LONGEST_WAIT: u64 = 0x8000_0000;
const PATIENCE: u32 = 60;

const messagePages: usize = memory.data(8192, 4096);
const requestPage: usize = messagePages;
const responsePage: usize = messagePages + 4096;
/** The message as it goes out, and then the one that came back: private, so that it is read once. */
const buffer: usize = memory.data(0x520, 16);
const schedule: usize = memory.data(240, 16);
const key: usize = memory.data(32, 16);
const iv: usize = memory.data(12, 8);
let lent: bool = false;
let closed: bool = false;

/** Whether the certificates that an extended request asked for came with the last answer. */
let withCertificates: bool = false;

/** Where the payload of a message is put, and where that of the answer is found. */
export function payload(): usize {
  return buffer + HEADER;
}

export function hasCertificates(): bool {
  return withCertificates;
}

/**
 * Sends the `size` bytes at {@link payload} as a message of type `type`. After ANSWERED the answer,
 * of `answerSize` bytes, is there; its own status is the caller's to read. With `pages` not 0 the
 * host is asked for certificates too, to the shared pages at `certificates`.
 */
export function ask(type: u8, size: u32, answerSize: u32, certificates: usize, pages: u32): u32 {
  if (!isSnp() || !hasCipher()) return NO_CHANNEL;
  const sequence = load32(secrets() + SEQUENCE_OFFSET);
  if (closed || sequence > LAST_SEQUENCE || !loadKey()) return close();
  writeHeader(type, size, u64(sequence) + 1);
  const tag = buffer;
  setIv(u64(sequence) + 1);
  seal(schedule, iv, authenticated(), authenticatedSize(), payload(), size, tag);
  const answered =
    transmit(HEADER + size, certificates, pages) && receive(type + 1, answerSize, sequence + 2);
  forgetKey();
  if (!answered) return close();
  store32(secrets() + SEQUENCE_OFFSET, sequence + 2);
  return ANSWERED;
}

function secrets(): u64 {
  return TOP + u64(imageInfo().secretsPage);
}

/** Expands the key. False if there is none: one of zeroes is one that was taken away. */
function loadKey(): bool {
  copy(key, secrets() + KEY_OFFSET, KEY_SIZE);
  let bits: u64 = 0;
  for (let i: usize = 0; i < KEY_SIZE; i += 8) bits |= load<u64>(key + i);
  expandKey(key, schedule);
  memory.fill(key, 0, KEY_SIZE);
  return bits !== 0;
}

function forgetKey(): void {
  memory.fill(schedule, 0, SCHEDULE_SIZE);
}

/** Destroys the key, so that nothing is ever said with it again. */
function close(): u32 {
  closed = true;
  fill(secrets() + KEY_OFFSET, 0, KEY_SIZE);
  forgetKey();
  memory.fill(buffer, 0, BUFFER_SIZE);
  return CLOSED;
}

function writeHeader(type: u8, size: u32, sequence: u64): void {
  memory.fill(buffer, 0, HEADER);
  const header = changetype<MessageHeader>(buffer);
  header.sequence = sequence;
  header.algorithm = u8(Message.ALGORITHM_AES_256_GCM);
  header.headerVersion = u8(Message.HEADER_VERSION);
  header.headerSize = u16(HEADER);
  header.type = type;
  header.messageVersion = u8(Message.MESSAGE_VERSION);
  header.messageSize = u16(size);
  header.vmpck = VMPCK;
}

function setIv(sequence: u64): void {
  store<u64>(iv, sequence);
  store<u32>(iv + 8, 0);
}

function authenticated(): usize {
  return buffer + Message.AUTHENTICATED_OFFSET;
}

function authenticatedSize(): u32 {
  return HEADER - Message.AUTHENTICATED_OFFSET;
}

/** Has the host pass the message on. False if it may have been passed on and was not answered. */
function transmit(size: u32, certificates: usize, pages: u32): bool {
  lendPages();
  withCertificates = pages !== 0;
  let wait = FIRST_WAIT;
  for (let tries: u32 = 0; tries < PATIENCE; tries++) {
    for (let i: u32 = 0; i < PAGE; i += 8) {
      shared.store64(requestPage + i, i < size ? load<u64>(buffer + i) : 0);
    }
    begin();
    if (withCertificates) {
      setRax(certificates);
      setRbx(pages);
    }
    const event = withCertificates ? Exit.EXTENDED_GUEST_REQUEST : Exit.GUEST_REQUEST;
    request(event, requestPage, responsePage);
    const result = outputInfo2();
    if (result === 0) return true;
    const vmm = u32(result >> 32);
    if (vmm === Message.VMM_INVALID_LENGTH && withCertificates) {
      // There is no room for the certificates: the very same message, without asking for them.
      withCertificates = false;
    } else if (vmm === Message.VMM_BUSY) {
      pauseFor(wait);
      wait = min<u64>(wait << 1, LONGEST_WAIT);
    } else {
      return false;
    }
  }
  return false;
}

function lendPages(): void {
  if (lent) return;
  lent = true;
  sharePages(messagePages, 2);
}

/**
 * Waits where there is nothing else to do: one program, and no interrupt that the AMD-SP would send. The host
 * may move the clock, or stop it: no more looks are taken than ticks were asked for, as each takes one.
 */
function pauseFor(ticks: u64): void {
  const start = rdtsc();
  for (let looks: u64 = 0; looks < ticks && rdtsc() - start < ticks; looks++) {}
}

/** Copies the answer once, checks that it is the one to this message, and opens it. */
function receive(type: u8, size: u32, sequence: u64): bool {
  for (let i: u32 = 0; i < BUFFER_SIZE; i += 8) {
    store<u64>(buffer + i, shared.load64(responsePage + i));
  }
  const header = changetype<MessageHeader>(buffer);
  if (header.sequence !== sequence) return false;
  if (u32(header.algorithm) !== Message.ALGORITHM_AES_256_GCM) return false;
  if (u32(header.headerVersion) !== Message.HEADER_VERSION) return false;
  if (u32(header.headerSize) !== HEADER) return false;
  if (header.type !== type || u32(header.messageVersion) !== Message.MESSAGE_VERSION) return false;
  if (u32(header.messageSize) !== size || header.vmpck !== VMPCK) return false;
  setIv(sequence);
  return open(schedule, iv, authenticated(), authenticatedSize(), payload(), size, buffer);
}
