import { createCipheriv, createDecipheriv } from 'node:crypto';
import * as Message from '../../../spec/guest-message.ts';
import { view } from '../../../spec/layout.ts';
import { MessageHeader } from '../../../spec/layouts/guest-message.ts';
import * as Status from '../../../spec/psp-status.ts';
import type { Check, Checks } from '../checks.ts';
import { answerCpuid, answerKey, answerReport, answerTscInfo } from './answers.ts';
import type { GuestContext } from './guest-context.ts';

const PAGE = 4096;
const CIPHER = 'aes-256-gcm';
const BLOCK = 16;
/** More cannot be counted in the IV that a message's number makes. */
const SEQUENCE_END = (1n << 64n) - 1n;

/** The payload of the answer to each type of request; undefined: the message is INVALID_PARAM. SNP §7. */
type Answer = (context: GuestContext, vmpck: number, payload: Uint8Array) => Uint8Array | undefined;
const ANSWERS: ReadonlyMap<number, Answer> = new Map([
  [Message.CPUID_REQUEST, answerCpuid],
  [Message.KEY_REQUEST, answerKey],
  [Message.REPORT_REQUEST, answerReport],
  [Message.TSC_INFO_REQUEST, answerTscInfo],
]);

/** A status of spec/psp-status.ts, and with SUCCESS the page with the answer. */
export type Exchange =
  | { readonly status: typeof Status.SUCCESS; readonly response: Uint8Array }
  | { readonly status: number; readonly response?: undefined };

/** Takes up the message in `page`: header, decryption, number, version, type. SNP, SNP_GUEST_REQUEST. */
export function exchange(
  context: GuestContext,
  page: Uint8Array,
  checks?: Pick<Checks, 'has'>,
): Exchange {
  const header = view(MessageHeader, page);
  const { vmpck, messageSize, sequence, type } = header;
  const key = context.vmpcks[vmpck];
  const count = context.messages[vmpck];
  const wellFormed =
    header.algorithm === Message.ALGORITHM_AES_256_GCM &&
    header.headerVersion === Message.HEADER_VERSION &&
    header.headerSize === Message.HEADER_SIZE &&
    messageSize !== 0 &&
    messageSize % BLOCK === 0 &&
    Message.HEADER_SIZE + messageSize <= PAGE;
  if (!wellFormed || !key || count === undefined) return { status: Status.INVALID_PARAM };
  const has = (check: Check) => checks?.has(check) ?? true;
  const payload = openMessage(page, key, has('message-authentication'));
  if (!payload) return { status: Status.BAD_MEASUREMENT };
  const inTurn = sequence === count + 1n && sequence + 2n <= SEQUENCE_END;
  if (!inTurn && has('message-sequence')) return { status: Status.AEAD_OFLOW };
  if (header.messageVersion !== Message.MESSAGE_VERSION) return { status: Status.INVALID_PARAM };
  const answer = ANSWERS.get(type)?.(context, vmpck, payload);
  if (!answer) return { status: Status.INVALID_PARAM };
  context.messages[vmpck] = count + 2n;
  const reply = { type: type + 1, sequence: sequence + 1n, vmpck };
  return { status: Status.SUCCESS, response: sealMessage(reply, answer, key) };
}

/** What a message says beside its payload. */
export interface Envelope {
  readonly type: number;
  readonly sequence: bigint;
  readonly vmpck: number;
}

/** A page with `payload` encrypted and authenticated under `key`. SNP §8.26. */
export function sealMessage(envelope: Envelope, payload: Uint8Array, key: Uint8Array): Uint8Array {
  const page = new Uint8Array(PAGE);
  const header = view(MessageHeader, page);
  header.sequence = envelope.sequence;
  header.algorithm = Message.ALGORITHM_AES_256_GCM;
  header.headerVersion = Message.HEADER_VERSION;
  header.headerSize = Message.HEADER_SIZE;
  header.type = envelope.type;
  header.messageVersion = Message.MESSAGE_VERSION;
  header.messageSize = payload.length;
  header.vmpck = envelope.vmpck;
  const cipher = createCipheriv(CIPHER, key, iv(envelope.sequence));
  cipher.setAAD(page.subarray(Message.AUTHENTICATED_OFFSET, Message.HEADER_SIZE));
  page.set(cipher.update(payload), Message.HEADER_SIZE);
  cipher.final();
  header.tag.set(cipher.getAuthTag());
  return page;
}

/** The payload of the message in `page`; undefined if it is not authentic under `key`, where that matters. SNP §8.26. */
export function openMessage(
  page: Uint8Array,
  key: Uint8Array,
  authentic = true,
): Uint8Array | undefined {
  const header = view(MessageHeader, page);
  const decipher = createDecipheriv(CIPHER, key, iv(header.sequence));
  decipher.setAAD(page.subarray(Message.AUTHENTICATED_OFFSET, Message.HEADER_SIZE));
  decipher.setAuthTag(header.tag.subarray(0, Message.TAG_SIZE));
  const end = Message.HEADER_SIZE + header.messageSize;
  const payload = decipher.update(page.subarray(Message.HEADER_SIZE, end));
  if (!authentic) return new Uint8Array(payload);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return new Uint8Array(payload);
}

function iv(sequence: bigint): Uint8Array {
  const bytes = new Uint8Array(Message.IV_SIZE);
  new DataView(bytes.buffer).setBigUint64(0, sequence, true);
  return bytes;
}
