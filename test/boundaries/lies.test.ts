import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batches, replies } from './lies.ts';

const SAMPLE = { numRuns: 200, seed: 1 };

/** Whether about half of `list` is `wanted`. */
function isHalf<T>(list: readonly T[], wanted: (one: T) => boolean): boolean {
  const share = list.filter(wanted).length / list.length;
  return share > 0.3 && share < 0.7;
}

it('lies are told by the GHCB MSR as often as not', () => {
  expect(isHalf(fc.sample(replies, SAMPLE), ({ msr }) => msr !== undefined)).toBe(true);
});

it('lies about page states are told by each field as often as not', () => {
  const lies = fc.sample(batches, SAMPLE).flat();
  for (const field of ['current', 'end', 'reserved'] as const) {
    expect(
      isHalf(lies, ({ header }) => header[field] !== undefined),
      field,
    ).toBe(true);
  }
  expect(isHalf(lies, ({ info2 }) => info2 !== undefined)).toBe(true);
});
