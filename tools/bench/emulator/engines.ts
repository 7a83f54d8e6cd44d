import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as Exit from '../../../spec/exit.ts';
import { createCore } from '../../emulator/core.ts';
import { CODE32, DATA, ENTRY, GDT, GDT_LIMIT } from './image.ts';

/** One program's run: seconds between its two marks, and its checksum. */
export interface Timing {
  readonly letter: string;
  readonly seconds: number;
  readonly checksum: string;
  /** Instructions between the marks, where the engine counts them. */
  readonly instructions?: number;
}

const FRAMES = 4096;
const CHUNK = 500_000_000;

/** The programs on our core, driven as a hypervisor drives it. */
export function runOnOurs(image: Uint8Array): Timing[] {
  const core = createCore({ systemFrames: FRAMES, gpaFrames: FRAMES });
  core.npt.map(0, 0, FRAMES);
  core.write(0x7c00, image.subarray(0, 0x4000), 0);
  const { state, control } = core;
  state.cr0 = 0x31n;
  state.gdtr.base = BigInt(GDT);
  state.gdtr.limit = GDT_LIMIT;
  for (const [segment, selector, attributes] of [
    [state.cs, CODE32, 0xc9b],
    [state.ss, DATA, 0xc93],
    [state.ds, DATA, 0xc93],
    [state.es, DATA, 0xc93],
  ] as const) {
    segment.selector = selector;
    segment.attributes = attributes;
    segment.limit = 0xffff_ffff;
  }
  state.rip = BigInt(ENTRY);
  const marks = new Marks();
  for (;;) {
    const exit = core.run(CHUNK);
    if (exit === Exit.HLT) return marks.timings;
    if (exit !== Exit.IOIO) throw new Error(`exit ${exit.toString(16)}: ${core.unimplemented()}`);
    const port = Number(control.exitInfo1 >> 16n);
    if (control.exitInfo1 & 1n) state.rax = (state.rax & ~0xffn) | 0x20n;
    else if (port === 0x3f8)
      marks.take(String.fromCharCode(Number(state.rax & 0xffn)), core.instructions);
    state.rip = control.nRip;
  }
}

/** Reads the marks off what a guest writes, and the clock with them. */
class Marks {
  readonly timings: Timing[] = [];
  #text = '';
  #letter = '';
  #start = 0;
  #seconds = 0;
  #first = 0;
  #instructions = 0;

  take(text: string, instructions = 0): void {
    for (const character of text) this.#one(character, instructions);
  }

  #one(character: string, instructions: number): void {
    if (character === '>') {
      this.#seconds = (performance.now() - this.#start) / 1000;
      this.#instructions = instructions - this.#first;
      this.#text = '';
      return;
    }
    if (character === '\n' && this.#letter) {
      const counted = this.#instructions > 0 ? { instructions: this.#instructions } : {};
      this.timings.push({
        letter: this.#letter,
        seconds: this.#seconds,
        checksum: this.#text,
        ...counted,
      });
      this.#letter = '';
      return;
    }
    this.#text += character;
    const begins = /<([A-Z])$/.exec(this.#text);
    if (!begins?.[1]) return;
    this.#letter = begins[1];
    this.#first = instructions;
    this.#start = performance.now();
  }
}

/** Stops an engine that hangs, or that has no such program. */
const TIMEOUT = 300_000;

async function collect(
  child: ChildProcess,
  output: NodeJS.ReadableStream,
  count: number,
): Promise<Timing[]> {
  const marks = new Marks();
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT);
  try {
    output.setEncoding('latin1');
    for await (const chunk of output) {
      marks.take(String(chunk));
      if (marks.timings.length === count) break;
    }
    return marks.timings;
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

/** Whether a program of this name can be started. */
function installed(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

/** The programs on QEMU's TCG; undefined where QEMU is not installed. */
export async function runOnQemu(image: Uint8Array, count: number): Promise<Timing[] | undefined> {
  if (!installed('qemu-system-x86_64')) return undefined;
  return withImage(image, (file) => {
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg', '-M', 'pc', '-m', '64', '-display', 'none', '-nodefaults'],
        ...['-serial', 'stdio', '-boot', 'a', '-drive', `file=${file},format=raw,if=floppy`],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    return collect(child, child.stdout, count);
  });
}

/** The programs on Bochs; undefined where it, or the firmware it boots with, is not installed. */
export async function runOnBochs(image: Uint8Array, count: number): Promise<Timing[] | undefined> {
  if (!installed('bochs-bin')) return undefined;
  return withImage(image, (file, folder) => {
    const pipe = join(folder, 'serial');
    if (spawnSync('mkfifo', [pipe]).status !== 0) return Promise.resolve(undefined);
    const configuration = join(folder, 'bochsrc');
    writeFileSync(configuration, bochsConfiguration(file, pipe));
    // Debian's Bochs is built with its debugger, which waits for a command.
    const commands = join(folder, 'commands');
    writeFileSync(commands, 'continue\n');
    const child = spawn('bochs-bin', ['-q', '-f', configuration, '-rc', commands], {
      stdio: ['ignore', 'ignore', 'ignore'],
      cwd: folder,
    });
    // Reading a FIFO blocks until somebody writes: better a process than one of our own threads.
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
    child.on('exit', () => reader.kill());
    return collect(child, reader.stdout, count).finally(() => reader.kill());
  });
}

function bochsConfiguration(image: string, serial: string): string {
  return [
    'megs: 64',
    'cpu: model=corei7_sandy_bridge_2600k, ips=100000000',
    'clock: sync=none',
    'romimage: file=/usr/share/seabios/bios.bin',
    'vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin',
    'display_library: rfb, options="timeout=0"',
    `floppya: 1_44=${image}, status=inserted`,
    'boot: floppy',
    `com1: enabled=1, mode=file, dev=${serial}`,
    'plugin_ctrl: es1370=0, sb16=0, speaker=0',
    'sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy',
    'log: /dev/null',
    'panic: action=report',
    'error: action=ignore',
    'info: action=ignore',
    '',
  ].join('\n');
}

async function withImage<T>(
  image: Uint8Array,
  run: (file: string, folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-bench-'));
  try {
    const file = join(folder, 'disk.img');
    writeFileSync(file, image);
    return await run(file, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
