/** Which rung of the ladder we stand on: none, SEV, SEV-ES or SNP, and whether we may. */

import {
  ENTRY_IGVM,
  ENTRY_PVH,
  PLATFORM_NONE,
  PLATFORM_SEV,
  PLATFORM_SEV_ES,
  PLATFORM_SNP,
} from '../spec/abi/platform.ts';
import {
  FEATURE_MISSING,
  FEATURE_REFUSED,
  MODE_NOT_ALLOWED,
  PLATFORM_CONTRADICTION,
  PROTECTION_OFF,
} from '../spec/abi/termination.ts';
import * as Cr from '../spec/cpu.ts';
import * as Msr from '../spec/msr.ts';
import * as SevStatus from '../spec/sev-status.ts';
import { rdmsr, readCr0 } from './cpu.ts';
import { bootRecord, imageInfo } from './handoff.ts';
import { panic } from './panic.ts';

export function isEncrypted(): bool {
  return platform() !== PLATFORM_NONE;
}

/** Whether port I/O, CPUID and the like must be asked of the hypervisor: SEV-ES and SNP. */
export function hasGhcb(): bool {
  return platform() >= PLATFORM_SEV_ES;
}

export function isSnp(): bool {
  return platform() === PLATFORM_SNP;
}

/**
 * The rung, by the shim's word. It holds before {@link decidePlatform} has checked it, since a panic must
 * know from the first instruction on how to reach the host.
 */
function platform(): u32 {
  return bootRecord().platform;
}

/** The name that `run --mode` knows it by. */
export function platformName(): string {
  if (isSnp()) return 'snp';
  if (platform() === PLATFORM_SEV_ES) return 'sev-es';
  return platform() === PLATFORM_SEV ? 'sev' : 'none';
}

/**
 * Decides from SEV_STATUS, which no hypervisor can intercept, and from where the image was
 * entered. Ends the guest if these disagree with each other or with what the shim acted on, if the
 * image does not list the mode, or if the features are not those it was built for.
 */
export function decidePlatform(): void {
  const record = bootRecord();
  const status = record.sevStatus;
  if (record.platform !== platformOf(status)) panic(PLATFORM_CONTRADICTION);
  if (isEncrypted() && rdmsr(Msr.SEV_STATUS) !== status) panic(PLATFORM_CONTRADICTION);
  if (record.entry !== ENTRY_PVH && record.entry !== ENTRY_IGVM) panic(PLATFORM_CONTRADICTION);
  // PVH has no place for the CPUID page and the secrets, so SNP is never entered through it.
  if (isSnp() && record.entry !== ENTRY_IGVM) panic(PLATFORM_CONTRADICTION);
  if (isEncrypted() ? record.cBit < 32 || record.cBit > 51 : record.cBit !== 0) {
    panic(PLATFORM_CONTRADICTION);
  }
  const info = imageInfo();
  if (((info.modes >> record.platform) & 1) === 0) panic(MODE_NOT_ALLOWED);
  const ladder = SevStatus.SEV | SevStatus.SEV_ES | SevStatus.SNP;
  if ((status & ~(ladder | info.featuresAllowed)) !== 0) panic(FEATURE_REFUSED);
  if (isSnp() && (info.featuresRequired & ~status) !== 0) panic(FEATURE_MISSING);
  checkProtection();
}

/** Each rung implies the ones below it; a status that skips one is a contradiction. APM2 §15.34.10. */
function platformOf(status: u64): u32 {
  const sev = (status & SevStatus.SEV) !== 0;
  const es = (status & SevStatus.SEV_ES) !== 0;
  const snp = (status & SevStatus.SNP) !== 0;
  if (snp) return sev && es ? PLATFORM_SNP : ~0;
  if (es) return sev ? PLATFORM_SEV_ES : ~0;
  return sev ? PLATFORM_SEV : PLATFORM_NONE;
}

/** W^X holds only with write protection and no-execute on. */
function checkProtection(): void {
  if ((readCr0() & u64(Cr.CR0_WP)) === 0) panic(PROTECTION_OFF);
  if ((rdmsr(Msr.EFER) & u64(Msr.EFER_NXE)) === 0) panic(PROTECTION_OFF);
}
