/**
 * The secure time stamp counter: a scale of the processor's own, which the AMD-SP works out at launch
 * and the hypervisor cannot touch. APM2 §15.36.18.
 */

/** Parts of 100,000 by which the processor's counter runs slow on average, as on Genoa. SNP, secrets page. */
export const TSC_FACTOR = 200;
/** kHz at which the processor counts: one gigahertz, less the factor. */
const REFERENCE_KHZ = 1_000_000n - (1_000_000n * BigInt(TSC_FACTOR)) / 100_000n;
const FRACTION_BITS = 32n;

/** GUEST_TSC_SCALE for a guest that wants `khz`: fixed point, rounded up. SNP, calc_tsc_scale. */
export function tscScale(khz: number): bigint {
  const wanted = BigInt(khz);
  const rest = (wanted % REFERENCE_KHZ) << FRACTION_BITS;
  const fraction = (rest + REFERENCE_KHZ - 1n) / REFERENCE_KHZ;
  return ((wanted / REFERENCE_KHZ) << FRACTION_BITS) + fraction;
}

/** GUEST_TSC_FREQ, in MHz, of a guest with `scale`. */
export function tscMegahertz(scale: bigint): number {
  return Number(((scale * REFERENCE_KHZ) >> FRACTION_BITS) / 1000n);
}
