import * as Exit from '../../../spec/exit.ts';
import * as Msr from '../../../spec/msr.ts';
import type { Core } from '../core.ts';
import { type Mode, protectedState } from '../mode.ts';

/** What KVM intercepts in any guest, of what this machine has. */
const ALWAYS: readonly number[] = [
  ...[Exit.INTR, Exit.NMI, Exit.SMI, Exit.INIT, Exit.VINTR],
  ...[Exit.RDPMC, Exit.CPUID, Exit.INVD, Exit.HLT, Exit.INVLPGA, Exit.IOIO, Exit.MSR],
  ...[Exit.SHUTDOWN, Exit.VMRUN, Exit.VMMCALL, Exit.VMLOAD, Exit.VMSAVE, Exit.STGI, Exit.CLGI],
  ...[Exit.SKINIT, Exit.WBINVD, Exit.MONITOR, Exit.MWAIT, Exit.TASK_SWITCH, Exit.RDPRU],
];
/** A guest with protected state sets XCR0 itself, and asks before it touches DR7. */
const UNPROTECTED: readonly number[] = [Exit.XSETBV];
const PROTECTED: readonly number[] = [Exit.DR7_READ, Exit.DR7_WRITE];

/** MSRs whose value is the vCPU's own: reads and writes do not exit. */
const DIRECT: readonly number[] = [
  ...[Msr.TSC, Msr.SYSENTER_CS, Msr.SYSENTER_ESP, Msr.SYSENTER_EIP, Msr.PAT, Msr.XSS],
  ...[Msr.EFER, Msr.STAR, Msr.LSTAR, Msr.CSTAR, Msr.SFMASK],
  ...[Msr.FS_BASE, Msr.GS_BASE, Msr.KERNEL_GS_BASE, Msr.TSC_AUX],
];
/** Those that are there only where they mean something. */
const DIRECT_ENCRYPTED: readonly number[] = [Msr.SEV_STATUS];
const DIRECT_PROTECTED: readonly number[] = [Msr.GHCB];

/** Sets what makes the guest exit: the intercept words and the MSR permission map. APM2 §15.9. */
export function setIntercepts(core: Core, mode: Mode): void {
  const es = protectedState(mode);
  for (const code of [...ALWAYS, ...(es ? PROTECTED : UNPROTECTED)]) {
    setIntercept(core.control, code, true);
  }
  const direct = [...DIRECT];
  if (mode !== 'none') direct.push(...DIRECT_ENCRYPTED);
  if (es) direct.push(...DIRECT_PROTECTED);
  for (const msr of direct) passThrough(core.msrpm, msr);
}

/** Makes the guest exit with `code`, or not. */
export function setIntercept(control: Core['control'], code: number, on: boolean): void {
  const bit = 2 ** (code % 32);
  const name = WORDS[Math.floor(code / 32)];
  if (name === undefined) throw new RangeError(`exit code ${code} has no intercept`);
  control[name] = (on ? control[name] | bit : control[name] & ~bit) >>> 0;
}

const WORDS = [
  'intercept0',
  'intercept1',
  'intercept2',
  'intercept3',
  'intercept4',
  'intercept5',
] as const;

/** Ranges of the MSR permission map, 2 KiB each. APM2 §15.11. */
const MSR_RANGES = [0, 0xc000_0000, 0xc001_0000];
const MSRS_PER_RANGE = 0x2000;

function passThrough(map: Uint8Array, msr: number): void {
  const range = MSR_RANGES.findIndex((first) => msr >= first && msr < first + MSRS_PER_RANGE);
  const bit = (msr - (MSR_RANGES[range] ?? 0)) * 2;
  const at = range * 0x800 + (bit >> 3);
  map[at] = (map[at] ?? 0) & ~(3 << (bit & 7));
}
