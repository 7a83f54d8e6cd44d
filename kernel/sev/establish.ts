/** From no GHCB to one: what is agreed with the hypervisor, and in which order. GHCB §3. */

import { HOST_HV } from '../../spec/abi/platform.ts';
import { SNP_FEATURES_UNSUPPORTED } from '../../spec/abi/termination.ts';
import { VERSION_MIN } from '../../spec/ghcb.ts';
import * as HvFeatures from '../../spec/hv-features.ts';
import { bootRecord, imageInfo } from '../handoff.ts';
import { sharePage } from '../mm/sharing.ts';
import { panic } from '../panic.ts';
import { isSnp } from '../platform.ts';
import { ghcbPage, openGhcb } from './ghcb.ts';
import {
  checkPreferredGhcb,
  hypervisorFeatures,
  negotiateVersion,
  registerGhcb,
  selectGhcb,
} from './msr.ts';

/** Version 2 brought what SNP needs. */
const SNP_VERSION: u32 = 2;

/**
 * Agrees on a protocol version, checks what the hypervisor offers, gives it the GHCB page, and,
 * under SNP, registers it. The page is not used before all of that is done.
 */
export function establishGhcb(): void {
  const version = negotiateVersion(bootRecord().cBit, isSnp() ? SNP_VERSION : VERSION_MIN);
  const page = ghcbPage();
  if (isSnp()) {
    const required = requiredFeatures();
    if ((hypervisorFeatures() & required) !== required) panic(SNP_FEATURES_UNSUPPORTED);
    checkPreferredGhcb(page);
  }
  sharePage(page);
  if (isSnp()) registerGhcb(page);
  selectGhcb(page);
  openGhcb(version);
}

function requiredFeatures(): u64 {
  if (imageInfo().host !== HOST_HV) return HvFeatures.SNP;
  return HvFeatures.SNP | HvFeatures.AP_CREATION | HvFeatures.RESTRICTED_INJECTION;
}
