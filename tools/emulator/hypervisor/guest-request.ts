import * as Ghcb from '../../../spec/ghcb.ts';
import * as Message from '../../../spec/guest-message.ts';
import { view } from '../../../spec/layout.ts';
import { CertificateEntry, MessageHeader } from '../../../spec/layouts/guest-message.ts';
import * as Status from '../../../spec/psp-status.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import { PAGE } from './guest-memory.ts';
import type { Hypervisor } from './hypervisor.ts';
import { hypervisorOwned, rmpUpdate } from './rmp.ts';

const FIRMWARE = { assigned: true, huge: false, immutable: true, asid: 0, gfn: 0 };

/** Event SNP guest request: EXITINFO1 is the message's page, EXITINFO2 that of the answer. GHCB §4.1.7. */
export function guestRequest(host: Hypervisor, request: GhcbRequest): void {
  if (pagesFit(host, request)) request.succeed(pass(host, request));
  else request.malformed(Ghcb.ERROR_INVALID_INPUT);
}

/**
 * Event SNP extended guest request: with a report come the certificates to check it, in the RBX pages at
 * RAX; where they are too few, RBX tells how many it takes. GHCB §4.1.8.
 */
export function extendedGuestRequest(host: Hypervisor, request: GhcbRequest): void {
  const gpa = request.get(Ghcb.VALID_RAX);
  const pages = request.get(Ghcb.VALID_RBX);
  const message = host.memory.readGuest(request.info1, MessageHeader.size);
  if (!pagesFit(host, request) || gpa % BigInt(PAGE) !== 0n || !message) {
    request.malformed(Ghcb.ERROR_INVALID_INPUT);
    return;
  }
  if (view(MessageHeader, message).type !== Message.REPORT_REQUEST) {
    request.succeed(pass(host, request));
    return;
  }
  const table = certificateTable(host.certificates());
  const needed = BigInt(table.length / PAGE);
  if (pages < needed) {
    request.set(Ghcb.VALID_RBX, needed);
    request.succeed(BigInt(Message.VMM_INVALID_LENGTH) << 32n);
    return;
  }
  for (let page = 0n; page < needed; page++) {
    if (host.memory.writable(gpa + page * BigInt(PAGE))) continue;
    request.malformed(Ghcb.ERROR_INVALID_INPUT);
    return;
  }
  const result = pass(host, request);
  if (result === 0n) host.memory.writeGuest(gpa, table);
  request.succeed(result);
}

/** Two different whole pages that are the hypervisor's. */
function pagesFit(host: Hypervisor, request: GhcbRequest): boolean {
  const { info1, info2 } = request;
  const isPage = (gpa: bigint) => gpa % BigInt(PAGE) === 0n && host.memory.writable(gpa);
  return info1 !== info2 && isPage(info1) && isPage(info2);
}

/**
 * Has the AMD-SP take the message up, through two pages of the host's own, as KVM does; SW_EXITINFO2
 * for the guest. The answer's page is the firmware's as long as the command takes.
 */
function pass(host: Hypervisor, request: GhcbRequest): bigint {
  const { memory, core, psp, guestContext } = host;
  const message = memory.readGuest(request.info1, PAGE);
  if (!message || guestContext === undefined) return BigInt(Status.INVALID_GUEST);
  const { request: from, response: to } = host.messageFrames();
  memory.write(from * PAGE, message);
  memory.write(to * PAGE, new Uint8Array(PAGE));
  rmpUpdate(core.frames, to, FIRMWARE);
  const status = psp.guestRequest(guestContext, from, to);
  psp.pageReclaim(to);
  rmpUpdate(core.frames, to, hypervisorOwned(false));
  const answer = host.answers.pspResponse(host, { status, page: memory.read(to * PAGE, PAGE) });
  if (answer.status === Status.SUCCESS) memory.writeGuest(request.info2, answer.page);
  return BigInt(answer.status);
}

/** What the host has to say about reports, in DER. */
export interface Certificates {
  readonly vcek: Uint8Array;
  readonly ask: Uint8Array;
  readonly ark: Uint8Array;
}

/** Names of certificates in the table, in the order of their text. GHCB §4.1.8.1. */
const GUIDS: readonly (readonly [keyof Certificates, string])[] = [
  ['vcek', '63da758de6644564adc5f4b93be8accd'],
  ['ask', '4ab7b379bbac4fe4a02f05aef327c782'],
  ['ark', 'c0b406a4a803495297433fb6014cd0ae'],
];

/** The table of certificates and what it lists, in whole pages. GHCB §4.1.8.1. */
export function certificateTable(certificates: Certificates): Uint8Array {
  let end = (GUIDS.length + 1) * CertificateEntry.size;
  const places = GUIDS.map(([name, guid]) => {
    const at = end;
    end += certificates[name].length;
    return { guid, at, bytes: certificates[name] };
  });
  const table = new Uint8Array(Math.ceil(end / PAGE) * PAGE);
  places.forEach(({ guid, at, bytes }, i) => {
    const entry = view(CertificateEntry, table, i * CertificateEntry.size);
    entry.guid.set(Buffer.from(guid, 'hex'));
    entry.offset = at;
    entry.size = bytes.length;
    table.set(bytes, at);
  });
  return table;
}
