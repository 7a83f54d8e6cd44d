import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Cpu } from '../compiler/compile.ts';
import { type LinkedModule, type Module, makeExecutable } from '../compiler/linux/executable.ts';
import { compileRuntime } from '../compiler/linux/runtime.ts';
import { readSourceMap, type SourceMap } from '../compiler/source-map.ts';
import { UserError } from '../errors.ts';
import { writeOutputs } from '../output-file.ts';
import { readInput } from './input.ts';

interface Options {
  readonly link: readonly string[];
  readonly target: string;
  readonly cpu: Cpu;
  readonly output: string;
  readonly printAfter: string | undefined;
  readonly function: string | undefined;
  readonly timePasses?: boolean;
}

/** Exit code for a module that is refused, and how the message of a refusal begins. */
const USAGE = 2;
const REFUSAL = /^(malformed|invalid|unsupported|unlinkable): /;

/** `compile FILE.wasm --target linux -o EXE`: a Wasm module becomes an executable of its own. */
export function register(program: Command): void {
  program
    .command('compile')
    .description('compile a Wasm module into a static executable for x86-64 Linux')
    .argument('<file>', 'the module')
    .option('--link <name=file>', "meet imports from NAME by FILE's exports", collect, [])
    .requiredOption('--target <target>', 'what to compile for: linux')
    .addOption(
      new Option('--cpu <level>', 'the instructions that the executable may use')
        .choices(['x86-64', 'x86-64-v2', 'x86-64-v3'])
        .default('x86-64'),
    )
    .requiredOption('-o, --output <exe>', 'the executable to write')
    .option('--print-after <pass>', 'print what a pass has made of each function; `all`: each pass')
    .option('--function <name>', 'of this function only')
    .option('--time-passes', 'print what each pass took, and the most memory that was in use')
    .action(compileFile);
}

function collect(text: string, others: readonly string[]): string[] {
  return [...others, text];
}

async function compileFile(file: string, options: Options): Promise<void> {
  const { link, target, cpu, output, timePasses } = options;
  if (target !== 'linux') throw new UserError(`--target expected linux, got ${target}`);
  const links = link.map(readLink);
  const names = new Set(links.map(({ name }) => name));
  if (names.size < links.length) throw new UserError('--link: a name is given twice');
  const program = readModule(file);
  const runtime = await compileRuntime();
  const printer =
    options.printAfter === undefined
      ? undefined
      : new Printer(options.printAfter, options.function);
  const times = new Map<string, number>();
  const watch = { ...(timePasses ? { times } : {}), ...(printer ? { print: printer } : {}) };
  try {
    const executable = makeExecutable(program, links, runtime, cpu, undefined, watch);
    printer?.finish();
    writeOutputs([[output, executable]], { inputs: [file], mode: 0o755 });
    if (timePasses) printTimes(times);
  } catch (error) {
    if (!(error instanceof UserError) || !REFUSAL.test(error.message)) throw error;
    // Scripts look for the kind of refusal at the beginning of the line.
    console.error(error.message);
    process.exitCode = USAGE;
  }
}

/** Prints functions as passes leave them, and knows in the end what there was to print. */
class Printer {
  readonly #pass: string;
  readonly #function: string | undefined;
  readonly #passes = new Set<string>();
  #isFound = false;

  constructor(pass: string, name: string | undefined) {
    this.#pass = pass;
    this.#function = name;
  }

  wants(pass: string, name: string): boolean {
    this.#passes.add(pass);
    if (this.#function !== undefined && name !== this.#function) return false;
    this.#isFound = true;
    return this.#pass === 'all' || pass === this.#pass;
  }

  text(pass: string, name: string, text: string): void {
    process.stdout.write(`; ${name} after ${pass}\n${text.trimEnd()}\n\n`);
  }

  /** @throws UserError if what was asked for is not there */
  finish(): void {
    if (this.#pass !== 'all' && this.#passes.size > 0 && !this.#passes.has(this.#pass)) {
      const known = [...this.#passes].join(', ');
      throw new UserError(`--print-after expected one of ${known}, all; got ${this.#pass}`);
    }
    if (this.#function !== undefined && !this.#isFound)
      throw new UserError(`--function: there is no function ${this.#function}`);
  }
}

/** A pass a line, in the order in which they run. */
function printTimes(times: ReadonlyMap<string, number>): void {
  const line = (milliseconds: number, what: string) =>
    console.error(`${milliseconds.toFixed(0).padStart(6)} ms  ${what}`);
  for (const [pass, milliseconds] of times) line(milliseconds, pass);
  line(
    [...times.values()].reduce((sum, each) => sum + each, 0),
    'all passes',
  );
  const peak = process.resourceUsage().maxRSS / 1024;
  console.error(`${peak.toFixed(0).padStart(6)} MiB of memory at most`);
}

function readLink(text: string): LinkedModule {
  const at = text.indexOf('=');
  if (at < 1) throw new UserError(`--link expected NAME=FILE, got ${text}`);
  const name = text.slice(0, at);
  // In symbols the name of an instance ends at the first one.
  if (name.includes('!')) throw new UserError(`--link expected a name without !, got ${name}`);
  return { name, ...readModule(text.slice(at + 1)) };
}

/** A module, and the source map beside it (`FILE.map`) if there is one. */
function readModule(file: string): Module {
  const map = `${file}.map`;
  return { wasm: readInput(file), sources: existsSync(map) ? readMap(map) : undefined };
}

function readMap(file: string): SourceMap {
  const text = Buffer.from(readInput(file)).toString();
  try {
    return readSourceMap(text);
  } catch (error) {
    throw new UserError(`${file} is no source map of a module: ${(error as Error).message}`);
  }
}
