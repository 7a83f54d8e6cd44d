import * as Exit from '../../spec/exit.ts';
import * as GhcbNumbers from '../../spec/ghcb.ts';
import * as GhcbEvent from '../../spec/ghcb-event.ts';
import { view } from '../../spec/layout.ts';
import { Ghcb } from '../../spec/layouts/ghcb.ts';

/** Strings shorter than this are mostly chance. */
const STRING_MIN = 6;
const STRINGS_MAX = 3;
const STRING_LENGTH_MAX = 60;

/**
 * What a page that the host can read holds, in a few words: its form if it has a known one, the
 * texts in it, or how much of it is in use. Empty for a page of zeros. A guess from the bytes alone:
 * who wrote them is not known.
 */
export function describeContent(page: Uint8Array): string {
  const used = page.reduce((count, byte) => count + (byte === 0 ? 0 : 1), 0);
  if (used === 0) return '';
  const longest = strings(page)
    .toSorted((a, b) => b.length - a.length)
    .slice(0, STRINGS_MAX);
  const texts = longest.map((text) => `"${text.slice(0, STRING_LENGTH_MAX)}"`);
  const form = ghcbForm(page);
  return [...(form ? [form] : []), ...texts, `${used} bytes not zero`].join(', ');
}

const USAGES: readonly number[] = [GhcbNumbers.USAGE_STANDARD, GhcbNumbers.USAGE_INVALID];

/** A GHCB that has been used: version, usage and exit code where GHCB §2.6 puts them. */
function ghcbForm(page: Uint8Array): string | undefined {
  const { version, usage, swExitCode } = view(Ghcb, page);
  const unused = page.subarray(0, Ghcb.fields.cpl.offset).every((byte) => byte === 0);
  const known = version >= GhcbNumbers.VERSION_MIN && version <= GhcbNumbers.VERSION_MAX;
  if (!known || !USAGES.includes(usage) || !unused) return undefined;
  return `GHCB version ${version}, last event ${eventName(swExitCode)}`;
}

function eventName(code: bigint): string {
  const names = { ...Exit, ...GhcbEvent };
  const entry = Object.entries(names).find(([, value]) => BigInt(value) === code);
  return entry?.[0] ?? `0x${code.toString(16)}`;
}

/** Runs of printable ASCII, in the order of the page. */
function strings(page: Uint8Array): string[] {
  const text = Buffer.from(page).toString('latin1');
  return text.match(new RegExp(`[\\x20-\\x7e]{${STRING_MIN},}`, 'g')) ?? [];
}
