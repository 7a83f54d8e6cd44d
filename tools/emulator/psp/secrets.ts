import { view } from '../../../spec/layout.ts';
import { SecretsPage } from '../../../spec/layouts/secrets.ts';
import { FMS } from '../cpuid/model.ts';
import type { GuestContext } from './guest-context.ts';

const PAGE = 4096;
const VERSION = 3;
/** Mean deviation of the time stamp counter in parts of 100,000, as on Genoa. */
const TSC_FACTOR = 200;

/** Quadwords of a VMSA that register protection covers, a bit each. SNP, secrets page. */
// biome-ignore format: eight bytes a line, as they lie in the page
const VMSA_TWEAK = Uint8Array.of(
  0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x88,
  0x00, 0x00, 0x00, 0x00, 0xee, 0xff, 0x00, 0x00,
  0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0x3f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
);

/** The secrets page of a guest: its message keys, and what else the AMD-SP tells it. SNP, secrets page. */
export function secretsPage(context: GuestContext): Uint8Array {
  const page = new Uint8Array(PAGE);
  const secrets = view(SecretsPage, page);
  secrets.version = VERSION;
  secrets.fms = FMS;
  for (const name of ['vmpck0', 'vmpck1', 'vmpck2', 'vmpck3'] as const) {
    const key = context.vmpcks[Number(name.at(-1))];
    if (key) secrets[name].set(key);
  }
  secrets.vmsaTweak.set(VMSA_TWEAK);
  secrets.tscFactor = TSC_FACTOR;
  return page;
}
