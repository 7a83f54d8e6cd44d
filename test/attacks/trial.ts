/** One attack on a guest: the host meddles, the guest runs to its end, and somebody looks for its secrets. */
import * as Reason from '../../spec/abi/termination.ts';
import * as Exit from '../../spec/exit.ts';
import { INFO_MASK } from '../../spec/ghcb-msr.ts';
import { HostileHost, type InjectedEvent } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { launchIgvm } from '../../tools/emulator/launch/igvm.ts';
import { createMachine, type Machine, type MachineOptions } from '../../tools/emulator/machine.ts';
import { encrypted, protectedState } from '../../tools/emulator/mode.ts';
import { GENERAL_REGISTERS } from '../../tools/emulator/registers.ts';
import type { Termination } from '../../tools/emulator/termination.ts';
import { programSecret } from '../secret.ts';
import type { Guest, Guests } from './guests.ts';
import type { Outcome, Setting } from './row.ts';

const MIB = 0x10_0000;
const LIMIT = 20_000_000;
const MOST_EXITS = 100_000;
const MOST_STEPS = 20_000;
const GENERAL = GENERAL_REGISTERS.filter((name) => name !== 'rsp');

/** How an attack on a guest went. */
export interface Seen {
  /** Name of the reason, 'unharmed' if the guest came to its end as ever, or what else. */
  readonly ends: string;
  /** The guest went on to an end of its own, whatever its program made of it. */
  readonly wentOn: boolean;
  readonly leaks: readonly string[];
  readonly console: string;
}

/** A guest in the hands of a host. */
export class Trial {
  readonly setting: Setting;
  readonly machine: Machine;
  readonly host: HostileHost;
  /** What the host must not see, beside what the program keeps. */
  readonly secrets: Buffer[] = [programSecret()];
  readonly #image: Uint8Array;
  readonly #leaks = new Set<string>();
  readonly #said = new Map<string, () => void>();
  #console = '';

  constructor(setting: Setting, image: Uint8Array, options: Partial<MachineOptions> = {}) {
    const { mode, host, without } = setting;
    this.setting = setting;
    this.#image = image;
    this.machine = createMachine({
      mode,
      host,
      without,
      memory: 4 * MIB,
      reset: false,
      console: (byte) => {
        this.#console += String.fromCharCode(byte);
        this.#said.get(`${this.#console.trimEnd().split('\n').at(-1)}\n`)?.();
      },
      ...options,
    });
    this.host = new HostileHost(this.machine);
  }

  get console(): string {
    return this.#console;
  }

  /** Does `action` once the guest has said `line`. */
  once(line: string, action: () => void): void {
    this.#said.set(`${line}\n`, () => {
      this.#said.clear();
      action();
    });
  }

  /** Guest frames that hold `bytes`, as the guest sees them: what a debugger finds, and no host. */
  framesWith(bytes: Buffer): number[] {
    const { core, asid, memory, mode } = this.machine;
    const key = encrypted(mode) ? asid : 0;
    return memory.ranges.flatMap(({ gfn, frame, pages }) =>
      Array.from({ length: pages }, (_, i) => i)
        .filter((i) => Buffer.from(core.read((frame + i) * PAGE, PAGE, key)).includes(bytes))
        .map((i) => gfn + i),
    );
  }

  /** What the guest sees in its frame `gfn`. */
  guestPage(gfn: number): Buffer {
    const { core, asid, memory, mode } = this.machine;
    const frame = memory.frameOf(gfn) ?? 0;
    return Buffer.from(core.read(frame * PAGE, PAGE, encrypted(mode) ? asid : 0));
  }

  launch(): void {
    launchIgvm(this.machine, this.#image);
    const { guestContext, answers } = this.machine.hypervisor;
    const keys = guestContext && this.machine.psp.context(guestContext)?.vmpcks;
    if (keys) this.secrets.push(...keys.map((key) => Buffer.from(key)));
    if (!protectedState(this.setting.mode)) return;
    const honest = answers.exits.get(Exit.VMGEXIT);
    answers.exits.set(Exit.VMGEXIT, (host, exit) => {
      this.#lookAtGhcb();
      honest?.(host, exit);
    });
  }

  /** Lets the guest run until it has said `line`. */
  runToLine(line: string): void {
    const { core, hypervisor } = this.machine;
    while (!this.#console.endsWith(`${line}\n`)) {
      if (hypervisor.ended) throw new RangeError(`no ${line}: ${JSON.stringify(hypervisor.ended)}`);
      hypervisor.answer(hypervisor.enter(LIMIT - core.instructions));
    }
  }

  /** Goes on instruction by instruction until `done`. */
  stepUntil(done: () => boolean): void {
    const { hypervisor } = this.machine;
    for (let steps = 0; !done(); steps++) {
      if (hypervisor.ended || steps === MOST_STEPS)
        throw new RangeError('it does not come to that');
      hypervisor.answer(hypervisor.enter(1));
    }
  }

  /** Has the guest take `event` now, before anything that is pending. */
  inject(event: InjectedEvent): void {
    const { hypervisor, vcpu } = this.machine;
    this.host.inject(event);
    hypervisor.answer(vcpu.run(1));
  }

  /** The guest as it is now: what comes back takes it there again, as often as it is called. */
  mark(): () => void {
    const point = this.host.snapshot();
    const console = this.#console;
    return () => {
      this.host.restore(point);
      this.#console = console;
      this.#leaks.clear();
    };
  }

  /** Has each general register but the stack pointer hold `value`: what a guest might have there. */
  fillRegisters(value: bigint): void {
    for (const name of GENERAL) this.machine.core.state[name] = value;
  }

  /** Lets the guest run to its end. */
  run(limit = LIMIT): Seen {
    const { core, hypervisor } = this.machine;
    const last = core.instructions + limit;
    for (let exits = 0; hypervisor.ended === undefined; exits++) {
      // A guest that faults for ever executes nothing.
      if (core.instructions >= last || exits >= MOST_EXITS) hypervisor.end({ kind: 'limit' });
      else hypervisor.answer(hypervisor.enter(last - core.instructions));
    }
    return this.seen(hypervisor.ended);
  }

  /** What there is to see once the guest came to `end`. */
  seen(end: Termination): Seen {
    if (encrypted(this.setting.mode)) this.#look();
    return {
      ends: nameOf(end, this.#console),
      wentOn: end.kind === 'exit',
      leaks: [...this.#leaks],
      console: this.#console,
    };
  }

  /** What is held under a guest's key reads as ciphertext, as A1 shows: the secret is in none of that. */
  #look(): void {
    const { core, memory } = this.machine;
    const saw = (bytes: Uint8Array, place: string) => {
      const seen = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      if (this.secrets.some((secret) => seen.includes(secret))) this.#leaks.add(place);
    };
    for (let frame = 0; frame < core.frames.count; frame++) {
      if (core.frames.key(frame) !== 0) continue;
      saw(memory.read(frame * PAGE, PAGE), `frame 0x${frame.toString(16)}`);
    }
    saw(Buffer.from(this.#console, 'latin1'), 'console');
  }

  /** The page of each request: the guest writes over it with the next. */
  #lookAtGhcb(): void {
    const { memory, vcpu } = this.machine;
    if ((vcpu.ghcb & BigInt(INFO_MASK)) !== 0n) return;
    const page = Buffer.from(memory.readGuest(vcpu.ghcb, PAGE) ?? []);
    for (const secret of this.secrets) if (page.includes(secret)) this.#leaks.add('GHCB');
  }
}

/** Launches the victim in the hands of `meddle`, and lets it run to its end. */
export async function attackOn(
  guests: Guests,
  setting: Setting,
  meddle: (trial: Trial) => void,
  { machine = {}, ...guest }: Partial<Guest> & { machine?: Partial<MachineOptions> } = {},
): Promise<Seen> {
  const { host, mutation } = setting;
  const trial = new Trial(setting, await guests.image({ host, mutation, ...guest }), machine);
  meddle(trial);
  trial.launch();
  return trial.run();
}

/**
 * As {@link attackOn}, of a guest that has the states of several pages changed at once: where its RAM starts as its
 * own, it has to be one that talks to the AMD-SP.
 */
export function attackOnBatches(
  guests: Guests,
  setting: Setting,
  meddle: (trial: Trial) => void,
): Promise<Seen> {
  const talks = { manifest: { program: 'messages.ts' } };
  return attackOn(guests, setting, meddle, setting.host === 'hv' ? talks : {});
}

/** The attack wins if the guest goes on: it must end. */
export function mustEnd({ ends, wentOn, leaks: places }: Seen): Outcome {
  return { won: wentOn || places.length > 0, ends };
}

/** The attack wins if the guest does not end for a reason of its own. */
export function mustNotice({ ends, leaks: places }: Seen): Outcome {
  return { won: !(ends in Reason) || places.length > 0, ends };
}

/** The attack wins if the guest comes to harm: it must go on. */
export function mustGoOn({ ends, wentOn, leaks: places }: Seen): Outcome {
  return { won: (wentOn && ends !== 'unharmed') || places.length > 0, ends };
}

function nameOf(end: Termination, console: string): string {
  if (end.kind === 'panic') return end.name;
  if (end.kind === 'shutdown') return `shutdown: ${end.cause}`;
  if (end.kind !== 'exit') return end.kind;
  const asEver = /^Tacit, mode [a-z-]+\nopen\n(awake\n)?closed\n$/.test(console);
  return end.code === 0 && asEver ? 'unharmed' : `exit ${end.code}`;
}

/** One outcome of many: the attack wins if one of them does, and the guest ends as all of them, if alike. */
export function together(outcomes: readonly Outcome[]): Outcome {
  const ends = [...new Set(outcomes.map((outcome) => outcome.ends))];
  const surfaces = [...new Set(outcomes.map(({ surface }) => surface))];
  return {
    won: outcomes.some(({ won }) => won),
    ends: ends.join(', '),
    surface: surfaces.length === 1 ? surfaces[0] : undefined,
  };
}

/** With the surface that an end shows, where the architecture made it. */
export function withSurface(outcome: Outcome): Outcome {
  const refused = outcome.ends?.startsWith('shutdown: VMRUN refused') ?? false;
  return refused ? { ...outcome, surface: 'VMRUN.X' } : outcome;
}
