/** What a row of the attack matrix says: what an attack comes to in each mode, and by what. */
import type { Check } from '../../tools/emulator/checks.ts';
import type { Mode } from '../../tools/emulator/mode.ts';
import type { Mutation } from './mutations.ts';

/** Where an attack is made: a mode of the `kvm` host, or SNP on the `hv` host with its own build. */
export type Place = Mode | 'snp-hv';

/** How the architecture shows that it does not let an attack through. */
export type Surface =
  /** A read gets what the memory controller made of the page. */
  | 'ciphertext'
  /** #PF in the host with the RMP bit, or a device's write refused by the IOMMU. */
  | 'H#PF'
  | 'IOMMU'
  /** #VMEXIT(NPF) with the RMP bit; with the VMPL bit too. */
  | 'NPF.R'
  | 'NPF.VMPL'
  /** #VC 404h, PVALIDATE with CF=1 or a size mismatch, #GP, FAIL_PERMISSION in the guest. */
  | 'VC404'
  | 'PV.CF'
  | 'PV.6'
  | '#GP'
  | 'PERMISSION'
  /** VMRUN refuses: VMEXIT_INVALID. */
  | 'VMRUN.X'
  /** VMRUN forgets the translations of whoever ran before. */
  | 'FLUSH'
  /** Another launch digest; LAUNCH_FINISH holds it against the ID block. */
  | 'DIG'
  | 'IDB'
  /** The AMD-SP, or who opens a message, finds it not authentic or out of turn. */
  | 'AEAD'
  /** The AMD-SP refuses: by the guest's policy, for pages under its ASID, by the metadata entry of a page. */
  | 'POLICY'
  | 'CONFIG'
  | 'MDATA';

/** What takes the defence away, and so must let the attack through. */
export type Control =
  /** Checks of the machine's that are all lifted; each smaller set of them still denies. */
  | { readonly without: readonly [Check, ...Check[]] }
  /** A kernel of its own, built without one check. */
  | { readonly mutation: Mutation }
  /** Both, where the guest would stop what the architecture does: neither alone lets it through. */
  | { readonly without: readonly [Check, ...Check[]]; readonly mutation: Mutation };

/** The attacker wins: what is secret leaks, or what is the guest's is changed. */
export interface Wins {
  readonly verdict: 'W';
}

/** The architecture denies it, whatever the guest does. */
export interface Denied {
  readonly verdict: 'D';
  readonly surface: Surface;
  readonly controls: readonly [Control, ...Control[]];
}

/** The guest defends: it ends with a reason of spec/abi/termination.ts, or goes on unharmed. */
export interface Guarded {
  readonly verdict: 'G';
  readonly ends: string;
  readonly controls: readonly [Control, ...Control[]];
}

export type Cell = Wins | Denied | Guarded;

/** One way of making a row's attack, with the verdict wherever it can be made. */
export interface Way {
  readonly how: string;
  readonly cells: Readonly<Partial<Record<Place, Cell>>>;
}

/** '-': it does not apply; '?': nobody has published what comes of it. */
export type Verdict = 'W' | 'D' | 'G' | '-' | '?';

export interface Row {
  readonly id: string;
  readonly title: string;
  /** Where it was published. */
  readonly source: string;
  /** The catalogue's verdicts for none, sev, sev-es and snp: W, D, G, or - where it does not apply. */
  readonly catalogue: readonly [Verdict, Verdict, Verdict, Verdict];
  readonly ways: readonly Way[];
  /** Why the row, or a part of it, is not made here. */
  readonly omitted?: string;
  /** What the guest does not have that the attack needs, and the test that shows it: file, and name. */
  readonly absent?: { readonly construct: string; readonly file: string; readonly test: string };
  /** Why the verdict of a place is not the catalogue's. */
  readonly differs?: Readonly<Partial<Record<Place, string>>>;
}

export const wins: Wins = { verdict: 'W' };

export function denied(surface: Surface, ...without: [Check, ...Check[]]): Denied {
  return { verdict: 'D', surface, controls: [{ without }] };
}

/** What the architecture gives the guest denies it, as long as the guest makes use of it. */
export function deniedByGuest(surface: Surface, mutation: Mutation): Denied {
  return { verdict: 'D', surface, controls: [{ mutation }] };
}

/** The architecture denies what a guest without `mutation`'s check would stop all the same. */
export function deniedFirst(surface: Surface, check: Check, mutation: Mutation): Denied {
  return { verdict: 'D', surface, controls: [{ without: [check], mutation }] };
}

/** The guest ends with `ends`, or is 'unharmed'. */
export function guarded(ends: string, ...mutations: [Mutation, ...Mutation[]]): Guarded {
  const [first, ...more] = mutations.map((mutation) => ({ mutation }));
  if (!first) throw new TypeError('a guard without a control');
  return { verdict: 'G', ends, controls: [first, ...more] };
}
