/** The time stamp counter as the guest sees it. APM2 §15.36.18. */
import { FEATURES_SHIFT, SECURE_TSC } from '../../../../spec/sev-status';
import * as Control from './control';
import * as Cpu from './cpu';

/** Whether the guest's counter is scaled out of the hypervisor's reach. */
export function secureTsc(): bool {
  return (load<u64>(Control.SEV_FEATURES) & (SECURE_TSC >> FEATURES_SHIFT)) !== 0;
}

/** The counter before any scale and offset: instructions executed, and time that passed halted. */
export function rawTime(): u64 {
  return load<u64>(Cpu.INSTRUCTIONS) + load<u64>(Control.TIME_SKIPPED);
}

/** What RDTSC gives. The scale is fixed-point with 32 bits of fraction. */
export function timeStamp(): u64 {
  const raw = rawTime();
  if (!secureTsc()) return raw + load<u64>(Cpu.TSC_OFFSET);
  const scale = load<u64>(Control.TSC_SCALE);
  const fraction = scale & 0xffff_ffff;
  const high = (raw >> 32) * fraction;
  const low = ((raw & 0xffff_ffff) * fraction) >> 32;
  return raw * (scale >> 32) + high + low + load<u64>(Cpu.TSC_OFFSET);
}

/** WRMSR of the counter, which a secure one does not hear. */
export function setTimeStamp(value: u64): void {
  if (!secureTsc()) store<u64>(Cpu.TSC_OFFSET, value - rawTime());
}
