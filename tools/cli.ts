#!/usr/bin/env -S node --max-semi-space-size=64
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { register as build } from './commands/build.ts';
import { register as checkImage } from './commands/check-image.ts';
import { register as compile } from './commands/compile.ts';
import { register as inspect } from './commands/inspect.ts';
import { register as run } from './commands/run.ts';
import { UserError } from './errors.ts';
import { root } from './root.ts';

/** Every command: a file of tools/commands each. */
const commands = [build, run, inspect, compile, checkImage];

/** Exit codes of the tools themselves; what else a command answers is its own. */
const USAGE = 2;
const BUG = 70;

/** Runs the command line `argv` (without program names) and gives the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('tacit')
    .description('Builds SEV-SNP guests, runs them in an SNP machine, and looks into their memory.')
    .version(version())
    .showSuggestionAfterError(false)
    .exitOverride();
  for (const register of commands) register(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

function version(): string {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

/** Commander has printed its own errors; the user's mistakes are one line, ours a stack. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof UserError) {
    console.error(`tacit: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`);
    return USAGE;
  }
  console.error(error);
  return BUG;
}

// The reader of a pipe may have seen enough (`tacit inspect … | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  console.error(`tacit: cannot write to standard output: ${error.message}`);
  process.exit(USAGE);
});

process.exitCode = await main(process.argv.slice(2));
