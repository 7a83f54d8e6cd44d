import { join } from 'node:path';
import * as Exit from '../../spec/exit.ts';
import { EXIT_LIMIT } from '../../tools/emulator/core.ts';
import type { HostName } from '../../tools/emulator/hypervisor/host-profile.ts';
import type { Machine, Snapshot } from '../../tools/emulator/machine.ts';
import type { Mode } from '../../tools/emulator/mode.ts';
import { prepare } from '../../tools/emulator/run.ts';
import type { Termination } from '../../tools/emulator/termination.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../../tools/image/build.ts';
import { root } from '../../tools/root.ts';
import { Secrets } from './secrets.ts';

const MEMORY = 4 << 20;
/** Far beyond what any run takes that ends at all, unless the host has slowed the guest's clock. */
const LIMIT = 20_000_000;

/** Each mode with each kind of host that it can have. */
export const TARGETS: readonly (readonly [Mode, HostName])[] = [
  ['none', 'kvm'],
  ['sev', 'kvm'],
  ['sev-es', 'kvm'],
  ['snp', 'kvm'],
  ['snp', 'hv'],
];

/** The image of test/fixtures/tick: a boot, a line, a tick of the timer, a line, a message to the AMD-SP. */
export async function tickImage(host: HostName, kernel?: BuiltKernel): Promise<Build> {
  const manifest = {
    folder: join(root, 'test/fixtures'),
    name: 'tick',
    program: 'tick/tick.ts',
    args: [],
    env: {},
    modes: ['none', 'sev', 'sev-es', 'snp'] as const,
    host,
    memory: 0x10_0000,
    imports: ['wasi_snapshot_preview1.*', 'tacit.report'],
    drivers: [],
  };
  return buildImage(manifest, { kernel: kernel ?? (await buildKernel()) });
}

/** That image for each kind of host. */
export async function tickImages(): Promise<ReadonlyMap<HostName, Build>> {
  const kernel = await buildKernel();
  const images = new Map<HostName, Build>();
  for (const host of ['kvm', 'hv'] as const) images.set(host, await tickImage(host, kernel));
  return images;
}

/** How a run ended. */
export interface Ending {
  readonly end: Termination;
  /** All that the guest said. */
  readonly console: string;
  /** The host saw a secret of the guest's. */
  readonly leaked: boolean;
  /** The guest had not loaded its 64-bit IDT yet. */
  readonly early: boolean;
}

/** A point of a run to which it can be taken back. */
export interface Point {
  readonly machine: Snapshot;
  readonly console: string;
  readonly leaked: boolean;
}

/** A guest that is run again and again from points of one run. */
export class Subject {
  readonly name: string;
  readonly build: Build;
  readonly machine: Machine;
  /** What the guest has said by now. */
  console = '';
  readonly #secrets: Secrets;
  /** A request had a secret in it. */
  #leaked = false;

  constructor(build: Build, mode: Mode, host: HostName) {
    this.name = `${mode}, host ${host}`;
    this.build = build;
    this.machine = prepare(build.igvm, 'tick.igvm', {
      mode,
      host,
      memory: MEMORY,
      console: (byte) => {
        this.console += String.fromCharCode(byte);
      },
    });
    this.#secrets = new Secrets(this.machine);
    this.#watchRequests();
  }

  /** Value of a symbol of the image. */
  symbol(name: string): bigint {
    const value = this.build.image.symbols.get(name);
    if (value === undefined) throw new RangeError(`no symbol ${name}`);
    return value;
  }

  snapshot(): Point {
    return { machine: this.machine.snapshot(), console: this.console, leaked: this.#leaked };
  }

  restore(point: Point): void {
    this.machine.restore(point.machine);
    this.console = point.console;
    this.#leaked = point.leaked;
  }

  /** Runs on until the guest has executed `instructions`, or ended. */
  runTo(instructions: number): void {
    const { hypervisor, core } = this.machine;
    while (hypervisor.ended === undefined && core.instructions < instructions) {
      const exit = hypervisor.enter(instructions - core.instructions);
      if (exit.code !== EXIT_LIMIT) hypervisor.answer(exit);
    }
  }

  /** Brings to the guest what is pending, without an instruction: it may be in a handler then. */
  deliver(): void {
    const { hypervisor } = this.machine;
    const exit = hypervisor.enter(0);
    if (exit.code !== EXIT_LIMIT) hypervisor.answer(exit);
  }

  /** Runs to the end. */
  finish(): Ending {
    const { hypervisor, core } = this.machine;
    const end = hypervisor.run(core.instructions + LIMIT);
    return {
      end,
      console: this.console,
      leaked: this.#leaked || this.#secrets.areSeen(),
      early: core.state.idtr.base !== this.symbol('image.idt'),
    };
  }

  /** Looks at the page of each request: the guest writes over it with the next. */
  #watchRequests(): void {
    const { exits } = this.machine.hypervisor.answers;
    const honest = exits.get(Exit.VMGEXIT);
    if (!honest) return;
    exits.set(Exit.VMGEXIT, (host, exit) => {
      this.#leaked ||= this.#secrets.areInRequest();
      honest(host, exit);
    });
  }
}
