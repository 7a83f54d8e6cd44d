/**
 * How fast the TSC counts, on the best word to be had:
 *
 *   SNP with Secure TSC    an MSR and the secrets page, both the AMD-SP's: no host can change it
 *   else, CPUID 4000_0010h the host's word
 *   else                   measured against the 8254, which is the host's word too
 *
 * Without Secure TSC a host may also move the counter itself: such a clock is good for time-outs, and
 * for nothing that has to be right. APM2 §15.36.18; SNP §8.17.2.5.
 */

import { LEAF_FREQUENCIES } from '../../spec/cpuid.ts';
import * as Msr from '../../spec/msr.ts';
import { SECURE_TSC } from '../../spec/sev-status.ts';
import { load32, rdmsr } from '../cpu.ts';
import { cpuidWord, EAX } from '../cpuid.ts';
import { bootRecord, imageInfo, TOP } from '../handoff.ts';
import { isSnp } from '../platform.ts';
import { measureKilohertz } from './pit.ts';

/** MHz in the MSR. */
const FREQUENCY_MASK: u64 = 0x3_ffff;
/** From this version on the secrets page has TSC_FACTOR: hundred-thousandths that the TSC is slower. */
const FACTOR_VERSION: u32 = 3;
const FACTOR_UNIT: u64 = 100_000;
const VERSION_OFFSET: u64 = 0x0;
const FACTOR_OFFSET: u64 = 0x160;

let kilohertz: u64 = 0;
let asked: bool = false;

/** Whether the host can neither see to the TSC nor change it. */
export function hasSecureTsc(): bool {
  return isSnp() && (bootRecord().sevStatus & SECURE_TSC) !== 0;
}

/** The TSC's frequency in kHz; 0 if there is no way to tell. */
export function tscKilohertz(): u64 {
  if (asked) return kilohertz;
  asked = true;
  kilohertz = hasSecureTsc() ? secureKilohertz() : u64(cpuidWord(LEAF_FREQUENCIES, EAX));
  if (kilohertz === 0) kilohertz = u64(measureKilohertz());
  return kilohertz;
}

function secureKilohertz(): u64 {
  const nominal = (rdmsr(Msr.GUEST_TSC_FREQ) & FREQUENCY_MASK) * 1000;
  const page = TOP + u64(imageInfo().secretsPage);
  if (load32(page + VERSION_OFFSET) < FACTOR_VERSION) return nominal;
  const factor = u64(load32(page + FACTOR_OFFSET));
  return factor >= FACTOR_UNIT ? 0 : nominal - (nominal * factor) / FACTOR_UNIT;
}
