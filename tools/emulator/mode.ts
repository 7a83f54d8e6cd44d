import * as Igvm from '../../spec/igvm.ts';

/** What protects the guest: nothing, its memory, its registers too, the integrity of both too. */
export type Mode = 'none' | 'sev' | 'sev-es' | 'snp';

/** From the weakest to the strongest; a mode's place is its number in spec/abi/platform.ts. */
export const MODES: readonly Mode[] = ['none', 'sev', 'sev-es', 'snp'];

/** Whether the guest's memory is encrypted where its C-bit says so. */
export function encrypted(mode: Mode): boolean {
  return mode !== 'none';
}

/** Whether the guest's registers are out of the hypervisor's sight. */
export function protectedState(mode: Mode): boolean {
  return mode === 'sev-es' || mode === 'snp';
}

/** The IGVM platform of each mode. IGVM, IgvmPlatformType. */
export const IGVM_PLATFORM: Readonly<Record<Mode, number>> = {
  none: Igvm.PLATFORM_NATIVE,
  sev: Igvm.PLATFORM_SEV,
  'sev-es': Igvm.PLATFORM_SEV_ES,
  snp: Igvm.PLATFORM_SNP,
};
