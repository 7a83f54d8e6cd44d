import { describe, expect, it } from 'vitest';
import type { Mode, Outcome } from './boot.ts';
import { secrets } from './boot.ts';
import { claims } from './claims.ts';

type Report = Outcome['report'];

/** An outcome of which all claims hold. */
function good(mode: Mode): Outcome {
  const count = mode === 'none' ? 1 : 0;
  const entropy = { least: 7.94, mean: 7.955, most: 7.97 };
  const report: Report = {
    mode,
    pages: 10,
    states: [{ state: 'private', written: true, pages: 10, bytes: 40960, entropy }],
    regions: [],
    shared: [],
    find: secrets.map((text) => ({ text, count })),
    hits: [],
  };
  return {
    mode,
    console: 'luggage: locked',
    statistics: { instructions: 1, exits: { total: 1 }, termination: 'idle' },
    report,
    exitCode: 1 - count,
    strings: count,
  };
}

const broken = (outcome: Outcome) => claims(outcome).filter(({ holds }) => !holds).length;
const found = (outcome: Outcome): Report => ({
  ...outcome.report,
  find: secrets.map((text) => ({ text, count: 1 })),
});

describe('the demo', () => {
  it.each(['none', 'sev', 'sev-es', 'snp'] as const)(
    'claims nothing that is not so in %s',
    (mode) => {
      expect(broken(good(mode))).toBe(0);
    },
  );

  it.each(['sev', 'sev-es', 'snp'] as const)('fails if %s lets the password be read', (mode) => {
    const outcome = good(mode);
    expect(broken({ ...outcome, exitCode: 0, report: found(outcome) })).toBe(1);
    expect(broken({ ...outcome, strings: 1 })).toBe(1);
  });

  it('fails if the password is not where it must be in none', () => {
    const outcome = good('none');
    expect(broken({ ...outcome, exitCode: 1 })).toBe(1);
    expect(broken({ ...outcome, strings: 0 })).toBe(1);
  });

  it('fails if the guest tells the password, says nothing, or does not halt', () => {
    const outcome = good('snp');
    expect(broken({ ...outcome, console: secrets[0] })).toBe(1);
    expect(broken({ ...outcome, console: '' })).toBe(1);
    const statistics = { ...outcome.statistics, termination: 'panic' };
    expect(broken({ ...outcome, statistics })).toBe(1);
  });

  it('fails in snp if a written page is not random, or if there is none', () => {
    const outcome = good('snp');
    const withState = (change: object) => ({
      ...outcome,
      report: {
        ...outcome.report,
        states: outcome.report.states.map((state) => ({ ...state, ...change })),
      },
    });
    expect(broken(withState({ entropy: { least: 7.899, mean: 7.9, most: 7.9 } }))).toBe(1);
    expect(broken(withState({ pages: 0 }))).toBe(1);
  });
});
