import { basename } from 'node:path';
import type { Command } from 'commander';
import { UserError } from '../errors.ts';
import { type Dump, readDump } from '../inspect/dump.ts';
import { htmlReport } from '../inspect/html.ts';
import { jsonReport } from '../inspect/json.ts';
import { type Scan, scan } from '../inspect/scan.ts';
import { withFile } from '../inspect/source.ts';
import { textReport } from '../inspect/text.ts';
import { writeOutputs } from '../output-file.ts';

interface Options {
  readonly find: readonly string[];
  readonly html?: string;
  readonly json?: boolean;
}

/** `inspect DUMP`: what the host could read. Exit code 1 if texts were looked for and none was found. */
export function register(program: Command): void {
  program
    .command('inspect')
    .description('look into a memory dump as the host could read it')
    .argument('<dump>', 'ELF core that run --dump has written')
    .option('--find <text>', 'list where a text occurs; may be given again', collect, [])
    .option('--html <file>', 'write a self-contained page with a picture of memory')
    .option('--json', 'print JSON in place of tables')
    .action(inspect);
}

function collect(text: string, others: readonly string[]): string[] {
  if (text === '') throw new UserError('--find: the text is empty');
  return [...others, text];
}

function inspect(file: string, { find, html, json }: Options): void {
  const [dump, found] = read(file, find);
  const name = basename(file);
  if (html !== undefined) writeOutputs([[html, htmlReport(name, dump, found)]], { inputs: [file] });
  console.log(
    json ? JSON.stringify(jsonReport(dump, found), null, 2) : textReport(name, dump, found),
  );
  if (find.length > 0 && found.hits.length === 0) process.exitCode = 1;
}

function read(file: string, find: readonly string[]): [Dump, Scan] {
  return withFile(file, (source) => {
    const dump = readDump(source);
    return [dump, scan(dump, find)];
  });
}
