import { createCipheriv, createDecipheriv } from 'node:crypto';
import * as Message from '../../spec/guest-message.ts';
import { view } from '../../spec/layout.ts';
import {
  KeyResponse,
  MessageHeader,
  ReportRequest,
  ReportResponse,
  TscInfoResponse,
} from '../../spec/layouts/guest-message.ts';
import * as Status from '../../spec/psp-status.ts';

const HEADER = Message.HEADER_SIZE;

/** VMPCK0 of the secrets page. */
export const VMPCK0 = Uint8Array.from({ length: 32 }, (_, i) => i);

/** The AMD-SP as far as messages go, by Node's AES-GCM. Not the emulator's: the two were written apart. */
export class BarePsp {
  /** Messages answered, twice. */
  count = 0n;
  /** Each request's ciphertext, as it came. */
  readonly seen: string[] = [];
  /** Changes the answer's plain payload before it is sealed. */
  spoilAnswer: (payload: Uint8Array) => void = () => {};
  /** Changes the answer's header before the payload is sealed with it. */
  spoilHeader: (header: Uint8Array) => void = () => {};

  /** Answers the message in `request`; the status that the host sees. */
  answer(request: Uint8Array, response: Uint8Array): number {
    const header = view(MessageHeader, request.slice(0, HEADER));
    const text = request.slice(HEADER, HEADER + header.messageSize);
    this.seen.push(Buffer.from(request).toString('hex'));
    if (header.sequence !== this.count + 1n) return Status.AEAD_OFLOW;
    const open = createDecipheriv('aes-256-gcm', VMPCK0, iv(header.sequence));
    open.setAAD(request.slice(Message.AUTHENTICATED_OFFSET, HEADER));
    open.setAuthTag(request.slice(0, Message.TAG_SIZE));
    const plain = Uint8Array.from(Buffer.concat([open.update(text), open.final()]));
    const payload = this.reply(header.type, plain);
    if (!payload) return Status.INVALID_PARAM;
    this.spoilAnswer(payload);
    const bytes = new Uint8Array(HEADER);
    Object.assign(view(MessageHeader, bytes), {
      sequence: this.count + 2n,
      algorithm: Message.ALGORITHM_AES_256_GCM,
      headerVersion: Message.HEADER_VERSION,
      headerSize: HEADER,
      type: header.type + 1,
      messageVersion: Message.MESSAGE_VERSION,
      messageSize: payload.length,
    });
    this.spoilHeader(bytes);
    const seal = createCipheriv('aes-256-gcm', VMPCK0, iv(this.count + 2n));
    seal.setAAD(bytes.subarray(Message.AUTHENTICATED_OFFSET));
    const sealed = Buffer.concat([seal.update(payload), seal.final()]);
    bytes.set(seal.getAuthTag());
    response.set(bytes);
    response.set(sealed, HEADER);
    this.count += 2n;
    return Status.SUCCESS;
  }

  /** Reports and keys that can be told: bytes of the request, and where they came from. */
  reply(type: number, request: Uint8Array): Uint8Array | undefined {
    if (type === Message.REPORT_REQUEST) {
      const { reportData, vmpl } = view(ReportRequest, request);
      const payload = new Uint8Array(ReportResponse.size);
      const answer = view(ReportResponse, payload);
      answer.status = vmpl > 3 ? Status.INVALID_PARAM : 0;
      answer.reportSize = ReportResponse.fields.report.size;
      answer.report.set(reportData, 0x50);
      answer.report[0x30] = vmpl;
      return payload;
    }
    if (type === Message.KEY_REQUEST) {
      const payload = new Uint8Array(KeyResponse.size);
      const answer = view(KeyResponse, payload);
      answer.status = (request[0] ?? 0) > 1 ? Status.INVALID_KEY : 0;
      answer.key.set(request);
      return payload;
    }
    if (type !== Message.TSC_INFO_REQUEST) return undefined;
    const payload = new Uint8Array(TscInfoResponse.size);
    Object.assign(view(TscInfoResponse, payload), { scale: 3n << 32n, offset: 77n, factor: 200 });
    return payload;
  }
}

function iv(sequence: bigint): Uint8Array {
  const bytes = new Uint8Array(Message.IV_SIZE);
  new DataView(bytes.buffer).setBigUint64(0, sequence, true);
  return bytes;
}
