import { type Outcome, secrets } from './boot.ts';

/** What must hold of a run, in words, and whether it does. */
export interface Claim {
  readonly claim: string;
  readonly holds: boolean;
}

/** Encrypted pages look random: less than this, in bits per byte, and a page is not. */
const ENTROPY_MIN = 7.9;

/** All that the demo claims of the mode that was run. */
export function claims(outcome: Outcome): Claim[] {
  const { mode, statistics, console } = outcome;
  const isPlain = mode === 'none';
  const [secret] = secrets;
  return [
    { claim: 'the guest halts of its own accord', holds: statistics.termination === 'idle' },
    {
      claim: 'the console has one line or more, and no password',
      holds: console.length > 0 && secrets.every((text) => !console.includes(text)),
    },
    isPlain
      ? {
          claim: `the host reads “${secret}” in the dump`,
          holds: outcome.exitCode === 0 && count(outcome, secret) > 0,
        }
      : {
          claim: 'the host finds no trace of the password in the dump',
          holds: outcome.exitCode === 1 && secrets.every((text) => count(outcome, text) === 0),
        },
    ...stringsClaim(outcome, isPlain),
    ...(mode === 'snp' ? snpClaims(outcome) : []),
  ];
}

function stringsClaim({ strings }: Outcome, isPlain: boolean): Claim[] {
  if (strings === undefined) return [];
  return [{ claim: 'strings(1) and grep agree', holds: strings > 0 === isPlain }];
}

function snpClaims({ report }: Outcome): Claim[] {
  const written = report.states.find(({ written }) => written);
  return [
    { claim: 'launch and guest have written private pages', holds: (written?.pages ?? 0) > 0 },
    {
      claim: `each of them has at least ${ENTROPY_MIN} bits of entropy per byte`,
      holds: (written?.entropy.least ?? 0) >= ENTROPY_MIN,
    },
  ];
}

function count({ report }: Outcome, text: string): number {
  return report.find.find((each) => each.text === text)?.count ?? 0;
}
