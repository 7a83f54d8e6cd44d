import * as Exit from '../../../spec/exit.ts';
import { INFO_MASK } from '../../../spec/ghcb-msr.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import type { Core, MmioBus } from '../core.ts';
import { EXIT_LIMIT, EXIT_UNIMPLEMENTED } from '../core.ts';
import { type CpuidLeaf, guestLeaves, lookUp } from '../cpuid/model.ts';
import type { PortBus } from '../devices/port-bus.ts';
import { type Mode, protectedState } from '../mode.ts';
import type { Psp } from '../psp/psp.ts';
import type { Statistics } from '../statistics.ts';
import type { Termination } from '../termination.ts';
import { eventName, exitName, requestName } from '../vcpu/exit-names.ts';
import type { Vcpu, VmExit } from '../vcpu/vcpu.ts';
import type { Answers } from './answers.ts';
import type { LocalApic } from './apic.ts';
import type { Clock } from './clock.ts';
import { EVENTS } from './events.ts';
import { EXITS } from './exits.ts';
import { MSR_REQUESTS, sevInfo } from './ghcb-msr.ts';
import type { GhcbRequest } from './ghcb-request.ts';
import { type GuestMemory, PAGE } from './guest-memory.ts';
import type { Certificates } from './guest-request.ts';
import type { HostProfile } from './host-profile.ts';
import type { Interrupts } from './interrupts.ts';
import { readMsr, writeMsr } from './msrs.ts';
import type { PageStates } from './page-states.ts';

/** A line for whoever follows the exits, made only where somebody does. */
export type Trace = (line: string) => void;

/** The parts of the machine that the hypervisor works with. */
export interface Parts {
  readonly mode: Mode;
  readonly profile: HostProfile;
  readonly core: Core;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
  readonly pages: PageStates;
  readonly ports: PortBus;
  readonly mmio: MmioBus;
  readonly clock: Clock;
  readonly apic: LocalApic;
  readonly interrupts: Interrupts;
  readonly psp: Psp;
  readonly certificates: () => Certificates;
  readonly statistics: Statistics;
  /** SEV_FEATURES of an SNP guest beside those of the profile. */
  readonly features: bigint;
  readonly trace?: Trace | undefined;
}

/** What is to be done at an instruction boundary. */
interface Boundary {
  readonly at: number;
  readonly action: () => void;
}

const DR7_RESET = 0x400n;
/** An exit that asks for no answer. */
const NOTHING: VmExit = { code: EXIT_LIMIT, info1: 0n, info2: 0n };

/** The honest answers, in a table of its own for each machine. */
export function honestAnswers(): Answers {
  return {
    exits: new Map(EXITS),
    requests: new Map(MSR_REQUESTS),
    events: new Map(EVENTS),
    answered: () => {},
    pspResponse: (_host, response) => response,
    cpuid: (host, leaf, subleaf) => lookUp(host.cpuidLeaves, leaf, subleaf),
    readMsr,
    writeMsr,
  };
}

/** Runs the guest and answers its exits. What it knows of its guest is in here; no registers. */
export class Hypervisor {
  readonly mode: Mode;
  readonly profile: HostProfile;
  /** SEV_FEATURES that the host puts into the VMSA of an SNP guest. */
  readonly features: bigint;
  readonly core: Core;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
  readonly pages: PageStates;
  readonly ports: PortBus;
  readonly mmio: MmioBus;
  readonly psp: Psp;
  /** What the host has to say about reports, for extended guest requests. */
  readonly certificates: () => Certificates;
  readonly statistics: Statistics;
  readonly answers: Answers = honestAnswers();
  readonly cpuidLeaves: readonly CpuidLeaf[];
  readonly clock: Clock;
  readonly apic: LocalApic;
  readonly interrupts: Interrupts;

  /** Most entries of a page-state change that are done before the guest must ask again. */
  pscEntries: number;
  /** Told of each access of the guest's to a watched frame ({@link FrameTable.watch}), before it is made. */
  onAccess: ((gpa: bigint, size: number, write: boolean) => void) | undefined;
  /** The page that the guest registered as its GHCB. GHCB §2.3.2. */
  registeredGhcb: bigint | undefined;
  apJumpTable = 0n;
  /** Frame of the context that the AMD-SP keeps of the guest. */
  guestContext: number | undefined;
  #messageFrames: { readonly request: number; readonly response: number } | undefined;
  /** The VMSA that AP creation gave the processor for its next INIT. */
  initVmsa: bigint | undefined;
  /** DR7 as the guest last told it. */
  dr7 = DR7_RESET;
  #ended: Termination | undefined;
  #resetWanted = false;
  /** Starts the machine again; where there is none, a reset ends the run. */
  onReset: (() => void) | undefined;
  /** What somebody wants done at instruction boundaries, soonest first. */
  readonly #boundaries: Boundary[] = [];
  readonly #trace: Trace | undefined;

  constructor(parts: Parts) {
    this.mode = parts.mode;
    this.profile = parts.profile;
    this.pscEntries = parts.profile.pscEntries;
    const restricted = parts.profile.restrictedInjection ? SevStatus.RESTRICTED_INJECTION : 0;
    const always = BigInt(SevStatus.SNP | restricted) >> BigInt(SevStatus.FEATURES_SHIFT);
    this.features = parts.mode === 'snp' ? always | parts.features : 0n;
    this.core = parts.core;
    this.vcpu = parts.vcpu;
    this.memory = parts.memory;
    this.pages = parts.pages;
    this.ports = parts.ports;
    this.mmio = parts.mmio;
    this.statistics = parts.statistics;
    this.cpuidLeaves = guestLeaves(parts.mode);
    this.#trace = parts.trace;
    this.clock = parts.clock;
    this.apic = parts.apic;
    this.interrupts = parts.interrupts;
    this.psp = parts.psp;
    this.certificates = parts.certificates;
    if (this.protectedState) this.vcpu.ghcb = sevInfo(this);
  }

  get protectedState(): boolean {
    return protectedState(this.mode);
  }

  /** How the run ended, once it has. */
  get ended(): Termination | undefined {
    return this.#ended;
  }

  /** Two frames of the host's own, for messages to and from the AMD-SP. */
  messageFrames(): { readonly request: number; readonly response: number } {
    this.#messageFrames ??= {
      request: this.memory.allocateFrame(),
      response: this.memory.allocateFrame(),
    };
    return this.#messageFrames;
  }

  /** Ends the run. The first cause stands. */
  end(termination: Termination): void {
    this.#ended ??= termination;
  }

  /** What RDTSC would give now. */
  timeStamp(): bigint {
    const { instructions, tscOffset } = this.core.state;
    return BigInt.asUintN(64, instructions + this.core.control.timeSkipped + tscOffset);
  }

  /** Runs the guest until it ends, or has executed `maxInstructions` since it was made. */
  run(maxInstructions: number): Termination {
    while (this.#ended === undefined) {
      if (this.#resetWanted) this.#restart();
      const left = maxInstructions - this.core.instructions;
      if (left <= 0) this.end({ kind: 'limit' });
      else this.answer(this.enter(left));
    }
    return this.#ended;
  }

  /** The guest asks for a reset, which comes when its exit has been answered. */
  requestReset(): void {
    this.#resetWanted = true;
  }

  /** As when the machine was made; what it counts, and answers that were replaced, stay. */
  reset(): void {
    this.registeredGhcb = undefined;
    this.apJumpTable = 0n;
    this.initVmsa = undefined;
    this.guestContext = undefined;
    this.#messageFrames = undefined;
    this.dr7 = DR7_RESET;
    this.apic.reset();
    this.interrupts.reset();
    if (this.protectedState) this.vcpu.ghcb = sevInfo(this);
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const { registeredGhcb, apJumpTable, initVmsa, guestContext, dr7 } = this;
    const fields = { registeredGhcb, apJumpTable, initVmsa, guestContext, dr7 };
    const [frames, ended, resetWanted] = [this.#messageFrames, this.#ended, this.#resetWanted];
    const parts = [this.apic.snapshot(), this.interrupts.snapshot()];
    return () => {
      Object.assign(this, fields);
      this.#messageFrames = frames;
      this.#ended = ended;
      this.#resetWanted = resetWanted;
      for (const restore of parts) restore();
    };
  }

  /** Has `action` done when the guest has executed `instructions`, before the next one. */
  at(instructions: number, action: () => void): void {
    const place = this.#boundaries.findIndex((other) => other.at > instructions);
    const boundary = { at: instructions, action };
    if (place < 0) this.#boundaries.push(boundary);
    else this.#boundaries.splice(place, 0, boundary);
  }

  /** Forgets what {@link at} was told. */
  forgetBoundaries(): void {
    this.#boundaries.length = 0;
  }

  #restart(): void {
    this.#resetWanted = false;
    if (this.onReset) this.onReset();
    else this.end({ kind: 'exit', code: 0 });
  }

  #atBoundary(): void {
    for (;;) {
      const [first] = this.#boundaries;
      if (first === undefined || first.at > this.core.instructions) return;
      this.#boundaries.shift();
      first.action();
    }
  }

  /** Lets the guest run for at most `instructions`, with what is pending; an exit to be answered. */
  enter(instructions: number): VmExit {
    let most = instructions;
    if (this.#boundaries.length > 0) {
      this.#atBoundary();
      if (this.#ended) return NOTHING;
      const next = this.#boundaries[0]?.at ?? Number.POSITIVE_INFINITY;
      most = Math.min(most, next - this.core.instructions);
    }
    this.interrupts.beforeEntry();
    const left = this.interrupts.ticksLeft;
    if (left > most) return this.vcpu.run(most);
    const exit = this.vcpu.run(Math.max(left, 1));
    if (exit.code !== EXIT_LIMIT || this.interrupts.ticksLeft > 0) return exit;
    this.vcpu.leave();
    return { ...exit, code: Exit.INTR };
  }

  /** INIT reaches the processor: it starts from the VMSA that it was given for that. */
  init(): void {
    if (this.initVmsa !== undefined) this.startFrom(this.initVmsa);
    else this.end({ kind: 'unimplemented', what: 'INIT of the boot processor' });
  }

  /** The processor goes on from the VMSA at guest address `gpa`, which VMRUN will look at. */
  startFrom(gpa: bigint): void {
    const gfn = Number(gpa / BigInt(PAGE));
    const frame = this.memory.frameOf(gfn);
    if (frame === undefined) throw new RangeError(`no memory at ${hex(gpa)}`);
    this.initVmsa = undefined;
    this.vcpu.startProtected(frame, this.memory, gfn);
  }

  /** Answers one #VMEXIT. */
  answer(exit: VmExit): void {
    if (
      exit.code !== Exit.VMGEXIT &&
      exit.code !== EXIT_LIMIT &&
      exit.code !== EXIT_UNIMPLEMENTED
    ) {
      this.note(exitName(exit.code), exit.info1, exit.info2);
    }
    const answer = this.answers.exits.get(exit.code);
    if (answer) answer(this, exit);
    else this.end({ kind: 'unimplemented', what: `#VMEXIT ${exitName(exit.code)}` });
  }

  /** Counts an exit under `name`, and tells who follows them, with what `values` there were. */
  note(name: string, ...values: readonly bigint[]): void {
    this.statistics.countExit(name);
    if (!this.#trace) return;
    const at = `${this.core.instructions} ${hex(this.core.state.rip)}`;
    this.#trace([at, name, ...values.map(hex)].join(' '));
  }

  /** Counts a VMGEXIT of the page protocol by its event. */
  noteEvent(request: GhcbRequest): void {
    this.statistics.vmgexits++;
    this.note(`VMGEXIT:${eventName(request.code)}`, request.info1, request.info2);
  }

  /** Counts a VMGEXIT of the MSR protocol by its request. */
  noteRequest(request: bigint): void {
    this.statistics.vmgexits++;
    const info = Number(request & BigInt(INFO_MASK));
    this.note(`VMGEXIT:MSR:${requestName(info)}`, request);
  }

  /** Marks a guest frame outside RAM as a device's. False if the nested table cannot tell. */
  mapDevice(gfn: number): boolean {
    const { npt } = this.core;
    if (gfn >= npt.count || npt.get(gfn).reserved) return false;
    const no = { present: false, writable: false, executable: false, huge: false };
    npt.set(gfn, { ...no, frame: 0, reserved: true });
    return true;
  }
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
