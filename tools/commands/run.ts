import { type Command, Option } from 'commander';
import { loadScript } from '../emulator/hostile-script.ts';
import type { HostName } from '../emulator/hypervisor/host-profile.ts';
import { MODES, type Mode } from '../emulator/mode.ts';
import { run } from '../emulator/run.ts';
import { describe } from '../emulator/termination.ts';
import { UserError } from '../errors.ts';
import { readInput } from './input.ts';

interface Options {
  readonly mode?: Mode;
  readonly memory: string;
  readonly seed: string;
  readonly dump?: string;
  readonly stats?: string;
  readonly maxInstructions?: string;
  readonly trace?: 'exits';
  readonly host: HostName;
  readonly hostile?: string;
  /** Commander's name for --no-reset: false where that is given. */
  readonly reset: boolean;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const PAGE = 4096;
const LEAST_MEMORY = 2 ** 21;
/** The processor core keeps a machine in one memory of 4 GiB. */
const MOST_MEMORY = 3.5 * 2 ** 30;
const NEWLINE = 0x0a;
/** A line that is longer is passed on in parts. */
const LINE_PART = 4096;

/** `run IMAGE`: boots an image in the machine. The exit code tells how the guest ended. */
export function register(program: Command): void {
  program
    .command('run')
    .description('boot an image in the SNP machine')
    .argument('<image>', 'ELF file with a PVH note, or IGVM file')
    .addOption(new Option('--mode <mode>', 'what protects the guest').choices(MODES))
    .option('--memory <size>', 'RAM of the guest, in bytes or with K, M, G', '64M')
    .option('--seed <number>', 'what all random numbers follow from', '0')
    .option('--dump <file>', 'write guest memory as the host reads it, an ELF core, at the end')
    .option('--stats <file>', 'write counts as JSON at the end')
    .option('--max-instructions <number>', 'end the run after so many')
    .addOption(new Option('--trace <what>', 'tell each #VMEXIT on stderr').choices(['exits']))
    .addOption(
      new Option('--host <host>', 'hypervisor to behave like')
        .choices(['kvm', 'hv'])
        .default('kvm'),
    )
    .option('--no-reset', 'end the run when the guest asks for a reset')
    .option('--hostile <script>', 'let a script take the hypervisor over (docs/hostile.md)')
    .action(runImage);
}

async function runImage(file: string, options: Options): Promise<void> {
  const { mode, host, dump, stats, trace, maxInstructions, reset } = options;
  const hostile = options.hostile === undefined ? undefined : await loadScript(options.hostile);
  const output = new LineWriter();
  const result = run(
    readInput(file),
    file,
    {
      mode,
      host,
      reset,
      hostile,
      memory: parseMemory(options.memory),
      seed: parseSeed(options.seed),
      console: (byte) => output.put(byte),
      trace: trace === 'exits' ? (line) => console.error(line) : undefined,
      ...(maxInstructions !== undefined && { maxInstructions: parseLimit(maxInstructions) }),
    },
    { dump, stats },
  );
  output.flush();
  const message = describe(result.termination);
  if (message !== undefined) console.error(`tacit: ${message}`);
  process.exitCode = result.exitCode;
}

/** Passes the guest's console on, a line at a time. */
class LineWriter {
  #bytes: number[] = [];

  put(byte: number): void {
    this.#bytes.push(byte);
    if (byte === NEWLINE || this.#bytes.length === LINE_PART) this.flush();
  }

  flush(): void {
    process.stdout.write(Uint8Array.from(this.#bytes));
    this.#bytes = [];
  }
}

function parseMemory(text: string): number {
  const [, digits, unit] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[(unit ?? '').toUpperCase()] ?? Number.NaN);
  if (Number.isNaN(bytes) || bytes % PAGE !== 0) {
    throw new UserError(`--memory ${text}: whole pages expected, such as 64M`);
  }
  if (bytes < LEAST_MEMORY || bytes > MOST_MEMORY) {
    throw new UserError(`--memory ${text}: between 2M and 3584M expected`);
  }
  return bytes;
}

function parseSeed(text: string): bigint {
  if (!/^(\d+|0x[\da-f]+)$/i.test(text)) throw new UserError(`--seed ${text}: a number expected`);
  return BigInt(text);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(limit)) {
    throw new UserError(`--max-instructions ${text}: a number expected`);
  }
  return limit;
}
