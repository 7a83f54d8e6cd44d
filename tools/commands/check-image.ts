import type { Command } from 'commander';
import { checkImage } from '../check/check.ts';
import { printReport, printViolation } from '../check/report.ts';
import { readInput } from './input.ts';

/** Exit code for a file that breaks a rule. */
const NO = 1;

/** `check-image FILE`: proves of an image or executable that its compartments keep to themselves. */
export function register(program: Command): void {
  program
    .command('check-image')
    .description('prove that no compartment of an image or executable leaves its memory')
    .argument('<file>', 'an image (ELF or IGVM), or an executable that compile made')
    .action(run);
}

function run(file: string): void {
  const report = checkImage(readInput(file));
  for (const line of printReport(report)) console.log(line);
  const { violations } = report;
  for (const violation of violations) console.error(printViolation(violation));
  console.log(violations.length === 0 ? 'all rules hold' : `${violations.length} rules are broken`);
  if (violations.length > 0) process.exitCode = NO;
}
