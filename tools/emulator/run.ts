import { writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { withOutputs } from '../output-file.ts';
import { writeDump } from './debug/dump.ts';
import { countPages, pageRuns } from './debug/page-states.ts';
import { HostileHost, type HostileScript } from './hostile.ts';
import type { HostName } from './hypervisor/host-profile.ts';
import type { Trace } from './hypervisor/hypervisor.ts';
import { isElf } from './launch/elf.ts';
import { igvmModes, launchIgvm } from './launch/igvm.ts';
import { isIgvm, parseIgvm } from './launch/igvm-file.ts';
import { launchElf } from './launch/pvh.ts';
import { createMachine, type Machine } from './machine.ts';
import type { Mode } from './mode.ts';
import type { Report } from './statistics.ts';
import { exitCode, type Termination } from './termination.ts';

export interface RunOptions {
  /** Undefined: the strongest that the image has. */
  readonly mode?: Mode | undefined;
  readonly host?: HostName;
  /** Bytes of guest RAM. */
  readonly memory?: number;
  readonly seed?: bigint;
  readonly maxInstructions?: number;
  readonly console?: (byte: number) => void;
  readonly trace?: Trace | undefined;
  /** False: a reset ends the run. */
  readonly reset?: boolean;
  /** Takes the hypervisor over before the launch. */
  readonly hostile?: HostileScript | undefined;
}

export interface Run {
  readonly machine: Machine;
  readonly termination: Termination;
  readonly exitCode: number;
  readonly report: Report;
}

/** A machine with `image` launched in it; `name` is for messages. UserError: they do not fit. */
export function prepare(image: Uint8Array, name: string, options: RunOptions): Machine {
  const mode = chooseMode(image, name, options.mode);
  const { host, memory, seed, console, trace, reset, hostile } = options;
  const machine = createMachine({
    mode,
    ...(host !== undefined && { host }),
    ...(memory !== undefined && { memory }),
    ...(seed !== undefined && { seed }),
    ...(console !== undefined && { console }),
    ...(trace !== undefined && { trace }),
    ...(reset !== undefined && { reset }),
  });
  // Nothing waits for a promise: what the script does later would come as it happens.
  const later: unknown = hostile?.(new HostileHost(machine));
  if (later instanceof Promise) {
    later.catch(() => {});
    throw new UserError('the hostile script must not be asynchronous');
  }
  if (isElf(image)) launchElf(machine, image);
  else launchIgvm(machine, image);
  return machine;
}

/** Runs a prepared machine to its end, and reports. */
export function finish(machine: Machine, maxInstructions = Number.MAX_SAFE_INTEGER): Run {
  const started = performance.now();
  const termination = machine.hypervisor.run(maxInstructions);
  const wallSeconds = (performance.now() - started) / 1000;
  const digest = machine.launchDigest;
  const report = machine.statistics.report(
    {
      mode: machine.mode,
      instructions: machine.core.instructions,
      wallSeconds,
      pages: countPages(pageRuns(machine)),
      launchDigest: digest ? Buffer.from(digest).toString('hex') : null,
    },
    termination,
  );
  return { machine, termination, exitCode: exitCode(termination), report };
}

/** Where a run leaves what it found. */
export interface Outputs {
  readonly dump?: string | undefined;
  readonly stats?: string | undefined;
}

/** Launches and runs `image`, and writes dump and statistics, however it ended. */
export function run(image: Uint8Array, name: string, options: RunOptions, outputs: Outputs): Run {
  const machine = prepare(image, name, options);
  const wanted = [
    { path: outputs.dump, fill: (file: number) => writeDump(machine, file) },
    {
      path: outputs.stats,
      fill: (file: number, { report }: Run) =>
        writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`),
    },
  ].flatMap(({ path, fill }) => (path === undefined ? [] : [{ path, fill }]));
  return withOutputs(
    wanted.map(({ path }) => path),
    (files) => {
      const result = finish(machine, options.maxInstructions);
      for (const [i, { fill }] of wanted.entries()) files[i]?.write((file) => fill(file, result));
      return result;
    },
    { inputs: [name] },
  );
}

/** The mode to run in; a UserError names the file to use where image and mode do not fit. */
function chooseMode(image: Uint8Array, name: string, wanted: Mode | undefined): Mode {
  if (isElf(image)) {
    if (wanted !== 'snp') return wanted ?? 'none';
    const other = sibling(name, '.igvm');
    throw new UserError(`${name} is an ELF file, which cannot run in mode snp: use ${other}`);
  }
  if (!isIgvm(image)) throw new UserError(`${name} is neither an ELF nor an IGVM file`);
  const modes = igvmModes(parseIgvm(image));
  const mode = wanted ?? modes.at(-1);
  if (mode === undefined) throw new UserError(`${name} has no platform that this machine has`);
  if (modes.includes(mode)) return mode;
  const has = modes.length > 0 ? modes.join(', ') : 'no mode of this machine';
  const elf = mode === 'snp' ? 'an IGVM file with an SNP platform' : sibling(name, '.elf');
  throw new UserError(`${name} has no platform for mode ${mode} (it has ${has}): use ${elf}`);
}

function sibling(name: string, extension: string): string {
  return join(dirname(name), basename(name, extname(name)) + extension);
}
