import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CR4_OSXSAVE } from '../../spec/cpu.ts';
import { type Core, EXIT_UNIMPLEMENTED } from '../../tools/emulator/core.ts';
import { GENERAL_REGISTERS } from '../../tools/emulator/registers.ts';
import { longModeProgram, setSegment } from '../core-program.ts';
import type { Case } from './cases.ts';
import { oracleProgram } from './program.ts';
import {
  CODE,
  DATA_SIZE,
  decodeOutput,
  encodeInput,
  IN,
  OUT_SIZE,
  type Outcome,
  type State,
  WINDOW,
} from './record.ts';

/** What this machine's CPU makes of each case. */
export function runOnCpu(cases: readonly Case[]): Outcome[] {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-oracle-'));
  const program = join(folder, 'oracle');
  try {
    writeFileSync(program, oracleProgram(), { mode: 0o755 });
    const input = new Uint8Array(cases.length * IN.size);
    cases.forEach(({ state, code, mode }, i) => {
      input.set(encodeInput(state, code, mode), i * IN.size);
    });
    const { stdout, error, signal, status } = spawnSync(program, [], {
      input,
      maxBuffer: cases.length * OUT_SIZE + 4096,
    });
    if (error) throw error;
    if (stdout.length !== cases.length * OUT_SIZE) {
      const done = Math.floor(stdout.length / OUT_SIZE);
      throw new Error(
        `the oracle ended (${signal ?? status}) at case ${done}: ${cases[done]?.row.id}`,
      );
    }
    return cases.map((_, i) => decodeOutput(stdout.subarray(i * OUT_SIZE, (i + 1) * OUT_SIZE)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same on the emulator. */
export class EmulatorRunner {
  readonly #core: Core;
  #mode: 32 | 64 | undefined;

  constructor() {
    this.#core = longModeProgram(() => {}).core;
    const { state, control } = this.#core;
    state.cpl = 3;
    state.cr4 |= BigInt(CR4_OSXSAVE);
    state.xcr0 = 7n;
    // What an exception leads to is seen at its exit, before it is delivered.
    control.intercept2 = 0xffff_ffff;
    setSegment(state.ss, 0x2b, 0xcf3);
    setSegment(state.ds, 0x2b, 0xcf3);
    setSegment(state.es, 0x2b, 0xcf3);
  }

  /** The outcome, or the text of what the emulator does not have. */
  run({ state, code, mode }: Case): Outcome | string {
    const core = this.#core;
    if (mode !== this.#mode) {
      setSegment(core.state.cs, mode === 64 ? 0x33 : 0x23, mode === 64 ? 0xafb : 0xcfb);
      this.#mode = mode;
    }
    core.write(CODE, code, 0);
    core.write(WINDOW, state.data, 0);
    load(core, state);
    const exit = core.run(1);
    if (exit === EXIT_UNIMPLEMENTED) return core.unimplemented();
    const vector = exit - 0x40;
    if (vector < 0 || vector > 31)
      throw new Error(`exit ${exit.toString(16)} from one instruction`);
    return { ...store(core), vector };
  }
}

function load({ state }: Core, from: State): void {
  GENERAL_REGISTERS.forEach((name, n) => {
    state[name] = from.registers[n] as bigint;
  });
  state.rip = from.rip;
  state.rflags = from.flags;
  state.xmm.set(from.xmm);
  state.mxcsr = from.mxcsr;
}

function store(core: Core): State {
  const { state } = core;
  return {
    registers: GENERAL_REGISTERS.map((name) => state[name]),
    rip: state.rip,
    flags: state.rflags,
    xmm: Uint8Array.from(state.xmm),
    mxcsr: state.mxcsr,
    data: core.read(WINDOW, DATA_SIZE, 0),
  };
}

/** RF is the kernel's and the exception's, not the instruction's; IOPL and VM cannot change here. */
const COMPARED_FLAGS = 0x24_4fd5n;
/** Invalid and division by zero: the exception flags that the emulator keeps. */
const COMPARED_MXCSR = 0xffc5;

/** What differs, in words; empty if nothing does. */
export function differences(one: Case, cpu: Outcome, emulator: Outcome): string[] {
  const found: string[] = [];
  const note = (what: string, a: bigint | number, b: bigint | number) => {
    if (a !== b) found.push(`${what}: CPU ${a.toString(16)}, emulator ${b.toString(16)}`);
  };
  note('vector', cpu.vector, emulator.vector);
  const wide = one.mode === 64 ? (1n << 64n) - 1n : 0xffff_ffffn;
  GENERAL_REGISTERS.slice(0, one.mode === 64 ? 16 : 8).forEach((name, n) => {
    note(name, (cpu.registers[n] as bigint) & wide, (emulator.registers[n] as bigint) & wide);
  });
  note('rip', cpu.rip, emulator.rip);
  const mask = COMPARED_FLAGS & ~BigInt(one.undefinedFlags);
  note('flags', cpu.flags & mask, emulator.flags & mask);
  note('mxcsr', cpu.mxcsr & COMPARED_MXCSR, emulator.mxcsr & COMPARED_MXCSR);
  for (let i = 0; i < DATA_SIZE; i++) {
    note(`data[${i}]`, cpu.data[i] as number, emulator.data[i] as number);
  }
  for (let i = 0; i < 256; i++) {
    note(`xmm${i >> 4}[${i & 15}]`, cpu.xmm[i] as number, emulator.xmm[i] as number);
  }
  return found;
}

/** The case as a line that says how to see it again. */
export function describeCase({ row, mode, code, state }: Case): string {
  const bytes = Buffer.from(code).toString('hex');
  const registers = GENERAL_REGISTERS.map(
    (name, n) => `${name}=${state.registers[n]?.toString(16)}`,
  ).join(' ');
  return `${row.id} (${mode} bits) ${bytes} flags=${state.flags.toString(16)} ${registers}`;
}
