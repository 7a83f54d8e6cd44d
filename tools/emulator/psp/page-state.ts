import type { RmpEntry } from '../core.ts';

export type PageState =
  | 'hypervisor'
  | 'hv-fixed'
  | 'firmware'
  | 'reclaim'
  | 'context'
  | 'metadata'
  | 'pre-guest'
  | 'pre-swap'
  | 'guest-invalid'
  | 'guest-valid';

/** The state that an RMP entry means to the AMD-SP. SNP, page states. */
export function pageState(entry: RmpEntry): PageState {
  const { assigned, validated, asid, immutable, gfn, vmsa } = entry;
  if (!assigned) return immutable ? 'hv-fixed' : 'hypervisor';
  if (asid > 0) {
    if (immutable) return validated ? 'pre-swap' : 'pre-guest';
    return validated ? 'guest-valid' : 'guest-invalid';
  }
  if (!immutable) return 'reclaim';
  if (gfn > 0) return 'metadata';
  return vmsa ? 'context' : 'firmware';
}
