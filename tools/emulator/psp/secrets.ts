import { view } from '../../../spec/layout.ts';
import { SecretsPage } from '../../../spec/layouts/secrets.ts';
import { FMS } from '../cpuid/model.ts';
import { VMSA_TWEAK } from '../vcpu/register-protection.ts';
import { TSC_FACTOR } from '../vcpu/secure-tsc.ts';
import type { GuestContext } from './guest-context.ts';

const PAGE = 4096;
const VERSION = 3;
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
