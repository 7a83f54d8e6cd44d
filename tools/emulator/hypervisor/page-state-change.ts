import { type View, view } from '../../../spec/layout.ts';
import { PscEntry, PscHeader } from '../../../spec/layouts/ghcb.ts';
import * as Psc from '../../../spec/psc.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import { PAGES_2M } from './guest-memory.ts';
import type { Hypervisor } from './hypervisor.ts';

const INVALID_HEADER = (1n << 32n) | BigInt(Psc.ERROR_INVALID_HEADER);
const INVALID_ENTRY = (1n << 32n) | BigInt(Psc.ERROR_INVALID_ENTRY);
const GENERIC = BigInt(Psc.GENERIC_ERROR) << 32n;

/**
 * Event SNP page state change. Takes entries up from the header's current one, marks each as done
 * in the guest's buffer, and may stop before the last; the guest then asks again. GHCB §4.1.6.
 */
export function changePageStates(host: Hypervisor, request: GhcbRequest): void {
  const head = request.readBuffer(PscHeader.size);
  if (!head) return;
  const { endEntry } = view(PscHeader, head);
  if (endEntry >= Psc.MAX_ENTRIES) {
    request.succeed(INVALID_HEADER);
    return;
  }
  const buffer = request.readBuffer(PscHeader.size + PscEntry.size * (endEntry + 1));
  if (!buffer) return;
  const header = view(PscHeader, buffer);
  let result = 0n;
  for (let left = host.pscEntries; left > 0; left--) {
    if (result !== 0n || header.currentEntry > endEntry) break;
    const at = PscHeader.size + header.currentEntry * PscEntry.size;
    result = changeOne(host, view(PscEntry, buffer, at));
    if (result === 0n) header.currentEntry++;
  }
  if (request.writeBuffer(buffer)) request.succeed(result);
}

/** Makes the change that `entry` asks for and marks it as done; else the error for the guest. */
function changeOne(host: Hypervisor, entry: View<typeof PscEntry>): bigint {
  const done = Number(entry.currentPage);
  const gfn = Number(entry.frame);
  const operation = Number(entry.operation);
  const pages = entry.huge === 1n ? PAGES_2M : 1;
  if (done > pages || gfn % pages !== 0) return INVALID_ENTRY;
  const change = (at: number, count: number) => {
    if (operation === Psc.PRIVATE) return host.pages.makePrivate(at, count);
    if (operation === Psc.SHARED) return host.pages.makeShared(at, count);
    // PSMASH and UNSMASH are hints, which KVM takes as done.
    return true;
  };
  if (done === 0 && !change(gfn, pages)) return GENERIC;
  for (let i = done; done > 0 && i < pages; i++) if (!change(gfn + i, 1)) return GENERIC;
  entry.currentPage = BigInt(pages);
  return 0n;
}
