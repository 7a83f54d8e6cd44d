import { join } from 'node:path';
import { formatGpa } from '../inspect/format.ts';
import { formatTable } from '../inspect/table.ts';
import { root } from '../root.ts';
import { boot, modes, type Outcome, secrets } from './boot.ts';
import { claims } from './claims.ts';

/**
 * `make demo`: luggage keeps a password; in which modes can its host read it? Boots it in all four,
 * prints what their dumps hold, and ends with 1 unless all that is claimed of them holds.
 */
function main(): number {
  const outcomes = modes.map(boot);
  console.log(overview(outcomes));
  for (const outcome of outcomes.filter(({ mode }) => mode === 'snp')) {
    console.log(`\n${sharedPages(outcome)}`);
  }
  const all = outcomes.flatMap((outcome) =>
    claims(outcome).map((each) => ({ ...each, mode: outcome.mode })),
  );
  const broken = all.filter(({ holds }) => !holds);
  console.log('');
  for (const { mode, claim } of broken) console.log(`does not hold in ${mode}: ${claim}`);
  console.log(`${all.length - broken.length} of ${all.length} claims hold.`);
  console.log(`Pictures of memory: ${join(root, 'build/demo')}/*.html`);
  return broken.length === 0 ? 0 : 1;
}

function overview(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ mode, statistics, report, strings }) => {
    const state = (name: string, written?: boolean) =>
      report.states.find((each) => each.state === name && each.written === written);
    const hit = report.hits.find(({ text }) => text === secrets[0]);
    return [
      mode,
      String(statistics.instructions),
      String(statistics.exits.total),
      String(state('private', true)?.pages ?? 0),
      state('private', true)?.entropy.least?.toFixed(3) ?? '–',
      String(state('private', false)?.pages ?? 0),
      String(state('shared')?.pages ?? 0),
      hit ? `readable at ${formatGpa(hit.gpa)}` : 'not found',
      strings === undefined ? 'not installed' : String(strings),
    ];
  });
  return formatTable(
    [
      'MODE',
      'INSTRUCTIONS',
      'EXITS',
      'PRIVATE PAGES',
      'LEAST BITS/BYTE',
      'UNTOUCHED',
      'SHARED',
      'PASSWORD',
      'LINES OF strings | grep',
    ],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left', 'right'],
    rows,
  );
}

/** What the host can read of an SNP guest: all of it was given away on purpose. */
function sharedPages({ mode, report }: Outcome): string {
  const rows = report.shared.map(({ gpa, pages, what }) => [
    formatGpa(gpa),
    String(pages),
    what || 'zeros',
  ]);
  const head = [`SHARED IN ${mode}`, 'PAGES', 'WHAT THE HOST READS THERE'];
  return formatTable(head, ['left', 'right', 'left'], rows);
}

process.exitCode = main();
