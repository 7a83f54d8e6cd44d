import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as Message from '../../../spec/guest-message.ts';
import { view } from '../../../spec/layout.ts';
import {
  KeyRequest,
  KeyResponse,
  MessageHeader,
  ReportRequest,
  ReportResponse,
  TscInfoResponse,
} from '../../../spec/layouts/guest-message.ts';
import { AttestationReport } from '../../../spec/layouts/report.ts';
import * as Status from '../../../spec/psp-status.ts';
import { witness } from '../../../test/witness.ts';
import { guestLeaves } from '../cpuid/model.ts';
import { tscScale } from '../vcpu/secure-tsc.ts';
import { chipKeys } from './chip.ts';
import { type GuestContext, newContext } from './guest-context.ts';
import { deriveKey, FIELDS_ALL, type KeyMix } from './key-derivation.ts';
import { exchange, openMessage, sealMessage } from './messages.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const run = (program: string, args: string[]) => spawnSync(program, args, { encoding: 'utf8' });
const counting = (count: number) => Uint8Array.from({ length: count }, (_, i) => i);

function guest(): GuestContext {
  const context = newContext(new Uint8Array(32));
  context.vmpcks = [0, 1, 2, 3].map((n) => new Uint8Array(32).fill(n + 1));
  context.digest = new Uint8Array(48).fill(0xd1);
  context.policy = 0x3_0000n;
  context.reportId = new Uint8Array(32).fill(0x1d);
  context.tscScale = tscScale(1_000_000);
  return context;
}

/** Sends `payload` and gives the answer's. */
function ask(context: GuestContext, type: number, payload: Uint8Array, sequence = 1n, vmpck = 0) {
  const key = context.vmpcks[vmpck] ?? new Uint8Array(32);
  const result = exchange(context, sealMessage({ type, sequence, vmpck }, payload, key));
  expect(result.status).toBe(Status.SUCCESS);
  const response = result.response ?? new Uint8Array(4096);
  const header = view(MessageHeader, response);
  expect(header).toMatchObject({ type: type + 1, sequence: sequence + 1n, vmpck });
  return openMessage(response, key) ?? new Uint8Array();
}

function reportRequest(vmpl = 0, keySelect = 0): Uint8Array {
  const payload = new Uint8Array(ReportRequest.size);
  Object.assign(view(ReportRequest, payload), { vmpl, keySelect });
  payload.set(counting(64));
  return payload;
}

describe('a message', () => {
  it('is sealed as the vector of the firmware facts has it', () => {
    const page = sealMessage(
      { type: Message.REPORT_REQUEST, sequence: 1n, vmpck: 0 },
      new Uint8Array(96),
      counting(32),
    );
    expect(hex(page.subarray(0, 16))).toBe('f82ad6a7637d3333e57fd9adeb832a0f');
    expect(hex(page.subarray(0x60, 0x80))).toBe(
      'e22c823fa4afec074a0405c33cc188cbcc61cf2e7ca86b124e1f5dfe1d268770',
    );
    const whole = createHash('sha256')
      .update(page.subarray(0, 0x60 + 96))
      .digest('hex');
    expect(whole).toBe('0efb430c8e6a23b97206a298cb5e0ed957120172a43a86f7c6303b5d5fd4c144');
  });

  it('is counted, and no number is taken twice or out of turn', () => {
    const context = guest();
    const page = (sequence: bigint) =>
      sealMessage(
        { type: Message.REPORT_REQUEST, sequence, vmpck: 0 },
        reportRequest(),
        context.vmpcks[0] ?? counting(32),
      );
    expect(exchange(context, page(3n)).status).toBe(Status.AEAD_OFLOW);
    expect(exchange(context, page(1n)).status).toBe(Status.SUCCESS);
    expect(exchange(context, page(1n)).status).toBe(Status.AEAD_OFLOW);
    expect(exchange(context, page(3n)).status).toBe(Status.SUCCESS);
    expect(context.messages).toEqual([4n, 0n, 0n, 0n]);
  });

  it('is refused where a byte of it was changed, and does not count', () => {
    const context = guest();
    const key = context.vmpcks[0] ?? counting(32);
    const envelope = { type: Message.REPORT_REQUEST, sequence: 1n, vmpck: 0 };
    const good = sealMessage(envelope, reportRequest(), key);
    for (const at of [0, 0x20, 0x3d, 0x60, 0xbf]) {
      const page = good.slice();
      page[at] = (page[at] ?? 0) ^ 1;
      expect(exchange(context, page).status, `byte ${at}`).toBe(Status.BAD_MEASUREMENT);
    }
    for (const [at, value] of [
      [0x30, 0],
      [0x31, 2],
      [0x32, 0x50],
      [0x36, 0],
      [0x36, 97],
      [0x3c, 4],
    ] as const) {
      const page = good.slice();
      page[at] = value;
      expect(exchange(context, page).status, `byte ${at}`).toBe(Status.INVALID_PARAM);
    }
    expect(context.messages[0]).toBe(0n);
  });

  it.each([
    ['forged', 'message-authentication', Status.BAD_MEASUREMENT],
    ['sent again', 'message-sequence', Status.AEAD_OFLOW],
  ] as const)('%s is stopped by the check %s, and by nothing else', (how, check, status) => {
    const send = (made: (name: string) => boolean) => {
      const context = guest();
      const envelope = { type: Message.REPORT_REQUEST, sequence: 1n, vmpck: 0 };
      const page = sealMessage(envelope, reportRequest(), context.vmpcks[0] ?? counting(32));
      if (how === 'forged') page[0x60] = (page[0x60] ?? 0) ^ 1;
      else exchange(context, page);
      return exchange(context, page, { has: made }).status;
    };
    expect(send(() => true)).toBe(status);
    expect(send((name) => name !== check)).toBe(Status.SUCCESS);
    expect(send((name) => name === check)).toBe(status);
  });

  it('of a type that the firmware does not have is refused', () => {
    const context = guest();
    const envelope = { type: Message.EXPORT_REQUEST, sequence: 1n, vmpck: 0 };
    const page = sealMessage(envelope, new Uint8Array(16), context.vmpcks[0] ?? counting(32));
    expect(exchange(context, page).status).toBe(Status.INVALID_PARAM);
  });
});

describe('a report', () => {
  it('tells what was launched and what the guest wants told', () => {
    const response = view(ReportResponse, ask(guest(), Message.REPORT_REQUEST, reportRequest(1)));
    expect(response).toMatchObject({ status: Status.SUCCESS, reportSize: 0x4a0 });
    const report = view(AttestationReport, response.report);
    expect(report).toMatchObject({ version: 3, vmpl: 1, policy: 0x3_0000n, cpuFamily: 0x19 });
    expect(report.reportData).toEqual(counting(64));
    expect(report.measurement).toEqual(new Uint8Array(48).fill(0xd1));
  });

  it('is refused for a VMPL above the key’s, or with a key that there is not', () => {
    const status = (payload: Uint8Array, vmpck: number) =>
      view(ReportResponse, ask(guest(), Message.REPORT_REQUEST, payload, 1n, vmpck)).status;
    expect(status(reportRequest(0), 1)).toBe(Status.INVALID_PARAM);
    expect(status(reportRequest(4), 1)).toBe(Status.INVALID_PARAM);
    expect(status(reportRequest(1, 2), 1)).toBe(Status.INVALID_KEY);
    expect(status(reportRequest(1, 1), 1)).toBe(Status.SUCCESS);
  });

  it('is the same for the same guest, signature and all', () => {
    const report = () => hex(ask(guest(), Message.REPORT_REQUEST, reportRequest()));
    expect(report()).toBe(report());
  });

  const openssl = witness('openssl');
  it.skipIf(!openssl)('verifies with openssl through its own chain', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tacit-report-'));
    try {
      const write = (name: string, bytes: Uint8Array) => {
        writeFileSync(join(folder, name), bytes);
        return join(folder, name);
      };
      const pem = (name: string, der: Uint8Array) => {
        const lines = Buffer.from(der)
          .toString('base64')
          .match(/.{1,64}/g);
        const text = lines?.join('\n');
        const [begin, end] = ['BEGIN', 'END'].map((word) => `-----${word} CERTIFICATE-----`);
        return write(name, Buffer.from(`${begin}\n${text}\n${end}\n`));
      };
      const { certificates } = chipKeys();
      const vcek = pem('vcek.pem', certificates.vcek);
      const chain = ['-CAfile', pem('ark.pem', certificates.ark)];
      const middle = ['-untrusted', pem('ask.pem', certificates.ask)];
      const verify = ['verify', '-no_check_time', ...chain, ...middle, vcek];
      expect(run(openssl ?? '', verify)).toMatchObject({ status: 0 });
      const key = run(openssl ?? '', ['x509', '-in', vcek, '-noout', '-pubkey']);
      const publicKey = write('vcek.pub', Buffer.from(key.stdout));
      const { report } = view(
        ReportResponse,
        ask(guest(), Message.REPORT_REQUEST, reportRequest()),
      );
      const { signatureR, signatureS } = view(AttestationReport, report);
      const integers = [signatureR, signatureS].map((bytes) => {
        const magnitude = Buffer.concat([Buffer.of(0), bytes.slice(0, 48).reverse()]);
        let first = 0;
        while (magnitude[first] === 0 && (magnitude[first + 1] ?? 0) < 0x80) first++;
        const value = magnitude.subarray(first);
        return Buffer.concat([Buffer.of(2, value.length), value]);
      });
      const body = Buffer.concat(integers);
      const signature = write('signature', Buffer.concat([Buffer.of(0x30, body.length), body]));
      const check = (bytes: Uint8Array) =>
        run(openssl ?? '', [
          ...['dgst', '-sha384', '-verify', publicKey],
          ...['-signature', signature, write('signed', bytes)],
        ]);
      expect(check(report.slice(0, 0x2a0))).toMatchObject({ status: 0 });
      const other = report.slice(0, 0x2a0);
      other[0x90] = (other[0x90] ?? 0) ^ 1;
      expect(check(other).status).not.toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a derived key', () => {
  const none: KeyMix = {
    root: 1,
    fields: FIELDS_ALL,
    vmpl: 0,
    guestSvn: 0,
    tcb: 0n,
    policy: 0x3_0000n,
    imageId: new Uint8Array(16),
    familyId: new Uint8Array(16),
    measurement: new Uint8Array(48),
    hostData: new Uint8Array(32),
    keyDigest: new Uint8Array(48),
  };

  it('is that of the vector of the firmware facts', () => {
    expect(hex(deriveKey(counting(32), none))).toBe(
      'b84a9eb8b231e390db003893cf710ac17287d523cb6b5a58b87d47f00621ef1f',
    );
  });

  it('depends on what is selected, and on nothing else', () => {
    const key = (mix: Partial<KeyMix>) => hex(deriveKey(counting(32), { ...none, ...mix }));
    const other = new Uint8Array(48).fill(1);
    expect(key({ measurement: other })).not.toBe(key({}));
    expect(key({ fields: 0n, measurement: other })).toBe(key({ fields: 0n }));
    expect(key({ vmpl: 1 })).not.toBe(key({}));
  });

  it('is given to a guest by message, the same one each time', () => {
    const payload = new Uint8Array(KeyRequest.size);
    Object.assign(view(KeyRequest, payload), { fieldSelect: 8n });
    const key = (context: GuestContext, sequence = 1n) =>
      view(KeyResponse, ask(context, Message.KEY_REQUEST, payload, sequence));
    const context = guest();
    expect(key(context).status).toBe(Status.SUCCESS);
    expect(key(context, 3n).key).toEqual(key(guest()).key);
    const changed = guest();
    changed.digest = new Uint8Array(48);
    expect(key(changed).key).not.toEqual(key(guest()).key);
    Object.assign(view(KeyRequest, payload), { fieldSelect: 0x80n });
    expect(key(guest())).toMatchObject({ status: Status.INVALID_PARAM, key: new Uint8Array(32) });
  });

  it('is made with a key of the chip’s only where there is that one; from the VMRK whatever is chosen', () => {
    const status = (rootKeySelect: number) => {
      const payload = new Uint8Array(KeyRequest.size);
      Object.assign(view(KeyRequest, payload), { rootKeySelect });
      return view(KeyResponse, ask(guest(), Message.KEY_REQUEST, payload)).status;
    };
    const choices = [0, 1, 2, 3].map((select) => select << 1);
    const { SUCCESS, INVALID_KEY } = Status;
    expect(choices.map(status)).toEqual([SUCCESS, SUCCESS, INVALID_KEY, INVALID_KEY]);
    expect(choices.map((choice) => status(choice | 1))).toEqual(Array(4).fill(SUCCESS));
  });
});

it('tells scale and factor of a secure TSC', () => {
  const answer = ask(guest(), Message.TSC_INFO_REQUEST, new Uint8Array(TscInfoResponse.size));
  const response = view(TscInfoResponse, answer);
  // 1 GHz by 998 MHz: 1.002004..., rounded up.
  expect(response).toMatchObject({ status: 0, scale: 0x1_0083_55adn, factor: 200 });
});

it('holds CPUID functions against the processor', () => {
  const [, features] = guestLeaves('snp');
  const payload = new Uint8Array(16 + 48);
  const words = new DataView(payload.buffer);
  words.setUint32(0, 1, true);
  words.setUint32(16, 1, true);
  words.setUint32(16 + 0x18, features?.eax ?? 0, true);
  words.setUint32(16 + 0x1c, features?.ebx ?? 0, true);
  const honest = ask(guest(), Message.CPUID_REQUEST, payload);
  expect(new DataView(honest.buffer).getUint32(0, true)).toBe(Status.SUCCESS);
  words.setUint32(16 + 0x24, 0xffff_ffff, true);
  const corrected = ask(guest(), Message.CPUID_REQUEST, payload);
  expect(new DataView(corrected.buffer).getUint32(0, true)).toBe(Status.INVALID_PARAM);
  expect(new DataView(corrected.buffer).getUint32(16 + 0x24, true)).toBe(features?.edx);
});
