/**
 * Checks of the guest's that a kernel can be built without, by name. Such a kernel is a build of its own for
 * the control of a row; no image that ships has a switch.
 */
import type { Replacement } from '../kernel-image.ts';
import { CHECKS, type GuestCheck } from './guest-checks.ts';

interface MutationOf {
  /** Mutations of a group do not touch each other: one kernel goes without all of them. */
  readonly group: string;
  readonly checks: readonly [GuestCheck, ...GuestCheck[]];
}

const of = (group: string, ...checks: [GuestCheck, ...GuestCheck[]]): MutationOf => ({
  group,
  checks,
});

/** What is taken away together: all that stands in the way of one attack. */
export const MUTATIONS = {
  'double-validation': of('map', 'map-overlap', 'validated-once', 'one-mapping'),
  'frames-not-zeroed': of('zero', 'zeroed-frames'),
  'map-over-image': of('image', 'image-is-no-ram', 'validated-once', 'pvalidate-unchanged'),
  'map-beyond': of('map', 'map-limits'),
  'share-without-rescind': of('psc', 'rescind-first'),
  'psc-header-believed': of('psc', 'psc-header'),
  'psc-error-ignored': of('psc', 'psc-result'),
  'psc-not-resumed': of('zero', 'psc-resumed'),
  'cache-untouched': of('psc', 'cache-touch'),
  'vc-by-code': of('vc', 'vc-site'),
  'vc-writes-first': of('more', 'vc-silent'),
  'vc-anywhere': of('vc', 'vc-site', 'vc-nested', 'ghcb-put-aside', 'ghcb-busy'),
  'interrupt-any-vector': of('psc', 'known-vectors', 'interrupts-where-on'),
  'interrupt-anywhere': of('psc', 'interrupts-where-on'),
  'sleep-once': of('psc', 'sleep-by-clock'),
  'doorbell-any-vector': of('psc', 'doorbell-vectors', 'doorbell-known-vectors'),
  'doorbell-nmi-ignored': of('psc', 'doorbell-nmi'),
  'doorbell-mc-ignored': of('psc', 'doorbell-mc'),
  'doorbell-unbounded': of('more', 'doorbell-bound'),
  'reflected-anything': of('ghcb', 'reflected-exception', 'own-request-exception'),
  'outputs-unasked': of('ghcb', 'output-valid'),
  'header-read-twice': of('ghcb', 'psc-read-once'),
  'msr-any-answer': of('map', 'msr-response'),
  'ghcb-anywhere': of('map', 'ghcb-gpa'),
  'ghcb-any-version': of('map', 'ghcb-version'),
  'features-not-asked': of('map', 'hv-features'),
  'preferred-ghcb-ignored': of('map', 'preferred-ghcb'),
  'c-bit-as-named': of('map', 'c-bit-named'),
  'no-random-no-end': of('ghcb', 'random-or-end'),
  'any-mode': of('ghcb', 'modes-listed'),
  'any-feature': of('ghcb', 'features-allowed'),
  'features-not-needed': of('ghcb', 'features-required'),
  'apic-forgets': of('ghcb', 'apic-keeps'),
  'apic-anywhere': of('ghcb', 'apic-place'),
  'key-kept': of('more', 'key-destroyed'),
  'answer-unauthentic': of('psc', 'answer-authentic'),
  'unchanged-ignored': of('psc', 'pvalidate-unchanged'),
  'tables-shared': of('tables', 'tables-private'),
  'no-flush': of('more', 'remap-flushes'),
  'frequency-by-host': of('more', 'frequency-by-psp'),
  'rdtsc-by-host': of('more', 'no-rdtsc-exit'),
  'clock-backward': of('more', 'clock-forward'),
  'random-untested': of('more', 'random-tested'),
  'psc-for-ever': of('more', 'psc-patience'),
  'terminate-once': of('psc', 'ends-for-good'),
  'response-forged': of('ghcb', 'message-tag'),
  'response-replayed': of('ghcb', 'message-order'),
} as const satisfies Readonly<Record<string, MutationOf>>;

export type Mutation = keyof typeof MUTATIONS;

/** What the kernel of `mutation`'s control goes without: all of its group, or with TACIT_MUTATIONS=each itself. */
export function replacementsOf(mutation: Mutation): readonly Replacement[] {
  const { group, checks } = MUTATIONS[mutation];
  if (process.env.TACIT_MUTATIONS === 'each') return checks.flatMap((check) => CHECKS[check]);
  const together = Object.values(MUTATIONS).filter((other) => other.group === group);
  const all = new Set(together.flatMap((other): readonly GuestCheck[] => other.checks));
  return [...all].flatMap((check) => CHECKS[check]);
}
