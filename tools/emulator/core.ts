/**
 * The processor and memory of the machine: the TypeScript face of the AssemblyScript core.
 *
 * The core runs a guest as VMRUN does, until a #VMEXIT. System memory (frames), who owns each frame
 * (RMP), under which key each is held, and the nested page table are part of it, because the
 * translation of an address needs them all.
 */
import type { View } from '../../spec/layout.ts';
import { FrameTable } from './core/frames.ts';
import { CoreMemory } from './core/layout.ts';
import * as Region from './core/memory-map.ts';
import { instantiate, loadCore, type MmioBus, type Observer } from './core/module.ts';
import { NestedTable } from './core/nested.ts';
import { CoreSnapshots } from './core/snapshots.ts';
import { Control, CpuState } from './core/state.ts';

export type { FrameTable, RmpEntry } from './core/frames.ts';
export type { MmioBus, Observer } from './core/module.ts';
export type { NestedEntry, NestedTable } from './core/nested.ts';

/** Exit codes of the core's own, beside those of SVM (spec/exit.ts). */
export const EXIT_LIMIT = Region.EXIT_LIMIT;
export const EXIT_UNIMPLEMENTED = Region.EXIT_UNIMPLEMENTED;

export interface CoreOptions {
  /** Frames (4 KiB) of system memory: the guest's RAM, and what PSP and hypervisor keep. */
  readonly systemFrames: number;
  /** Frames of guest physical address space that the nested page table can map, from 0. */
  readonly gpaFrames: number;
  /** Where RDRAND and RDSEED start from. */
  readonly seed?: bigint;
  readonly mmio?: MmioBus;
  readonly observer?: Observer;
}

export class Core {
  /** Registers, live. */
  readonly state: View<typeof CpuState>;
  /** Intercepts, event injection, exit information, live. */
  readonly control: View<typeof Control>;
  /** MSR permission map: two bits per MSR, read then write; all set when the core is made. */
  readonly msrpm: Uint8Array;
  /** System frames: RMP entry, key, whether written. */
  readonly frames: FrameTable;
  /** Nested page table, by guest frame number. */
  readonly npt: NestedTable;

  readonly #wasm: ReturnType<typeof instantiate>;
  readonly #memory: CoreMemory;
  readonly #rowNames: readonly string[];
  readonly #snapshots: CoreSnapshots;
  /** Which translations are to be forgotten before the guest runs on. */
  #stale: 'none' | 'writes' | 'all' = 'none';
  #running = false;

  constructor(options: CoreOptions) {
    const module = loadCore();
    this.#memory = new CoreMemory(options.systemFrames, options.gpaFrames);
    const { bytes } = this.#memory;
    this.#wasm = instantiate(module, this.#memory, options.mmio, options.observer);
    this.#rowNames = module.rowNames;
    this.state = this.#memory.view(CpuState, Region.CPU);
    this.control = this.#memory.view(Control, Region.CONTROL);
    this.msrpm = bytes.subarray(Region.MSRPM, Region.MSRPM + Region.MSRPM_SIZE).fill(0xff);
    this.frames = new FrameTable(
      this.#memory,
      () => this.flush(),
      () => this.#flushWrites(),
    );
    this.npt = new NestedTable(this.#memory, () => this.flush());
    this.#snapshots = new CoreSnapshots(this.#memory, this.npt, this.#wasm);
    this.control.random = options.seed ?? 0n;
    this.control.randomReady = 1;
    this.control.vmplCount = 4;
    this.control.vmsaFrame = Region.NO_FRAME;
    this.control.cBit = 51;
    this.control.addressWidth = 48;
  }

  /** The core's own memory, for those who look closer than its interface lets them. */
  get memory(): WebAssembly.Memory {
    return this.#memory.memory;
  }

  /** Instructions executed since the core was made; the time stamp counter runs with it. */
  get instructions(): number {
    return Number(this.state.instructions);
  }

  /**
   * Runs the guest for at most `maxInstructions`, which it meets exactly, and gives the exit code.
   * Exit information is in {@link Core.control}.
   */
  run(maxInstructions: number): number {
    if (this.#stale === 'all') this.#wasm.flush();
    else if (this.#stale === 'writes') this.#wasm.flushWrites();
    this.#stale = 'none';
    this.#running = true;
    try {
      return this.#wasm.run(maxInstructions) >>> 0;
    } finally {
      this.#running = false;
    }
  }

  /** After {@link EXIT_UNIMPLEMENTED}: what the guest asked for, in words. */
  unimplemented(): string {
    const { missing, unimplemented } = this.control;
    const rip = `at rip ${this.state.rip.toString(16)}`;
    if (missing !== 0) return `${MISSING[missing] ?? 'an unnamed part'} ${rip}`;
    return `instruction ${this.#rowNames[unimplemented] ?? 'of an unknown row'} ${rip}`;
  }

  /** `size` bytes of system memory from `spa` as a view under `key` sees them; key 0 is the host's. */
  read(spa: number, size: number, key: number): Uint8Array {
    return this.#memory.transfer(spa, size, (at, part, buffer) =>
      this.#wasm.readUnder(at, part, this.#slot(key), buffer),
    );
  }

  /** Writes `bytes` at `spa` through a view under `key`; key 0 is the host's. */
  write(spa: number, bytes: Uint8Array, key: number): void {
    this.#memory.send(spa, bytes, (at, part, buffer) =>
      this.#wasm.writeUnder(at, part, this.#slot(key), buffer),
    );
  }

  /**
   * Gives the memory controller a key: AES-128 of `key`, with a tweak per 16 bytes of address made
   * with `tweakKey`. What was held under the id's earlier key becomes that key's ciphertext.
   */
  setKey(id: number, key: Uint8Array, tweakKey: Uint8Array): void {
    if (key.length !== 16 || tweakKey.length !== 16) {
      throw new RangeError(`keys expected 16 bytes, got ${key.length} and ${tweakKey.length}`);
    }
    const buffer = this.#memory.staging;
    this.#memory.bytes.set(key, buffer);
    this.#memory.bytes.set(tweakKey, buffer + 16);
    if (id === 0 || this.#wasm.setKey(id, buffer) === 0) {
      throw new RangeError(`key id ${id} has no slot`);
    }
  }

  /** Forgets all translations: after a change of page tables behind the guest's back. */
  flush(): void {
    if (this.#running) this.#wasm.flush();
    else this.#stale = 'all';
  }

  /** Copies the machine's state; what comes back puts it there again, as often as it is called. */
  snapshot(): () => void {
    return this.#snapshots.take();
  }

  #flushWrites(): void {
    if (this.#running) this.#wasm.flushWrites();
    else if (this.#stale === 'none') this.#stale = 'writes';
  }

  #slot(key: number): number {
    const encrypts = (this.control.lifted & Region.LIFTED_ENCRYPTION) === 0;
    if (key === 0 || !encrypts) return 0;
    const slot = this.#wasm.keySlot(key);
    if (slot === 0) throw new RangeError(`no key was set for id ${key}`);
    return slot;
  }
}

/** What beside instructions is missing, by number; the numbers are those that as/ gives to `missing`. */
const MISSING: Readonly<Record<number, string>> = {
  1: '16-bit code segment',
  2: 'instruction bytes that no row of the instruction table has',
  3: 'hardware task switch',
  4: 'hardware breakpoint in DR7',
  5: 'two-level (32-bit) page tables',
  6: 'expand-down segment',
  7: 'call gate',
  8: 'virtual-8086 mode',
  9: 'five-level page tables',
  11: 'SSE arithmetic with an MXCSR other than after reset',
  10: 'code segment with a base, outside 64-bit mode',
};

/** A machine's processor with its memory: a millisecond's work once the core is compiled. */
export function createCore(options: CoreOptions): Core {
  return new Core(options);
}
