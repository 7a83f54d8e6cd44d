import * as Psc from '../../../spec/psc.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import { PAGES_2M } from './guest-memory.ts';
import type { Hypervisor } from './hypervisor.ts';

const HEADER = 8;
const ENTRY = 8;

const INVALID_HEADER = (1n << 32n) | BigInt(Psc.ERROR_INVALID_HEADER);
const INVALID_ENTRY = (1n << 32n) | BigInt(Psc.ERROR_INVALID_ENTRY);
const GENERIC = BigInt(Psc.GENERIC_ERROR) << 32n;

/**
 * Event SNP page state change. Takes entries up from the header's current one, marks each as done
 * in the guest's buffer, and may stop before the last; the guest then asks again. GHCB §4.1.6.
 */
export function changePageStates(host: Hypervisor, request: GhcbRequest): void {
  const header = request.readBuffer(HEADER);
  if (!header) return;
  const end = (header[2] ?? 0) | ((header[3] ?? 0) << 8);
  if (end >= Psc.MAX_ENTRIES) {
    request.succeed(INVALID_HEADER);
    return;
  }
  const buffer = request.readBuffer(HEADER + ENTRY * (end + 1));
  if (!buffer) return;
  const data = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  let current = data.getUint16(0, true);
  let result = 0n;
  let left = host.profile.pscEntries;
  while (result === 0n && current <= end && left > 0) {
    const at = HEADER + current * ENTRY;
    const outcome = changeOne(host, data.getBigUint64(at, true));
    if (outcome.error !== undefined) result = outcome.error;
    else {
      data.setBigUint64(at, outcome.entry, true);
      current++;
      left--;
    }
  }
  data.setUint16(0, current, true);
  if (!request.writeBuffer(buffer)) return;
  request.succeed(result);
}

type Outcome = { readonly entry: bigint; readonly error?: undefined } | { readonly error: bigint };

/** Makes the change that `entry` asks for; the answer is the entry marked as done. */
function changeOne(host: Hypervisor, entry: bigint): Outcome {
  const done = Number(entry & 0xfffn);
  const gfn = Number((entry >> 12n) & 0xff_ffff_ffffn);
  const operation = Number((entry >> 52n) & 0xfn);
  const pages = (entry >> 56n) & 1n ? PAGES_2M : 1;
  if (done > pages || gfn % pages !== 0) return { error: INVALID_ENTRY };
  const complete = { entry: (entry & ~0xfffn) | BigInt(pages) };
  // PSMASH and UNSMASH are hints, which KVM takes as done.
  if (operation !== Psc.PRIVATE && operation !== Psc.SHARED) return complete;
  const change = (at: number, count: number) =>
    operation === Psc.PRIVATE
      ? host.pages.makePrivate(at, count)
      : host.pages.makeShared(at, count);
  if (done === 0) return change(gfn, pages) ? complete : { error: GENERIC };
  for (let i = done; i < pages; i++) if (!change(gfn + i, 1)) return { error: GENERIC };
  return complete;
}
