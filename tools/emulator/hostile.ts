/**
 * What a script for `run --hostile` gets: the hypervisor's whole power over its guest, and the honest
 * answers to fall back on. docs/hostile.md shows how to write one.
 */
import * as Injection from '../../spec/event-injection.ts';
import * as Launch from '../../spec/launch.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import { RANDOM_STUCK } from './core/memory-map.ts';
import { EXIT_LIMIT, type RmpEntry } from './core.ts';
import type { DmaFault } from './devices/iommu.ts';
import type {
  Answers,
  EventAnswer,
  ExitAnswer,
  PspResponse,
  RequestAnswer,
} from './hypervisor/answers.ts';
import type { GhcbRequest } from './hypervisor/ghcb-request.ts';
import { type HostFault, PAGE } from './hypervisor/guest-memory.ts';
import { type RmpUpdate, rmpUpdate } from './hypervisor/rmp.ts';
import { StaleLines } from './hypervisor/stale-lines.ts';
import type { DataUpdate, LaunchedPage, Machine, Snapshot } from './machine.ts';
import type { Termination } from './termination.ts';
import type { VmExit } from './vcpu/vcpu.ts';

/** A script is a module whose default export is this: it is called once, before the launch. */
export type HostileScript = (host: HostileHost) => void;

/** An event to inject at the next VMRUN. */
export interface InjectedEvent {
  readonly vector: number;
  /** EVENTINJ type; `interrupt` unless given. */
  readonly type?: 'interrupt' | 'nmi' | 'exception' | 'software';
  readonly errorCode?: number;
}

/** An access of the guest's to a port: with a value it is a write. */
export interface PortTouch {
  readonly size: 1 | 2 | 4;
  readonly value?: number;
}

/** An access of the guest's to a page that is watched. */
export interface WatchedAccess {
  /** 1 for the first access since the watch began. */
  readonly nth: number;
  readonly gpa: bigint;
  readonly size: number;
  /** Instructions that exchange or modify are writes, though they read first. */
  readonly write: boolean;
}

const TYPES = {
  interrupt: Injection.TYPE_INTERRUPT,
  nmi: Injection.TYPE_NMI,
  exception: Injection.TYPE_EXCEPTION,
  software: Injection.TYPE_SOFTWARE,
} as const;

/** EVENTINJ for `event`. APM2 §15.20. */
export function encodeEvent(event: InjectedEvent): bigint {
  const type = TYPES[event.type ?? 'interrupt'];
  const word = BigInt(event.vector | (type << Injection.TYPE_SHIFT)) | BigInt(Injection.VALID);
  if (event.errorCode === undefined) return word;
  return word | BigInt(Injection.ERROR_VALID) | (BigInt(event.errorCode) << 32n);
}

/** The hypervisor in the script's hands. */
export class HostileHost {
  /** The machine, part by part: what is not below can be done there. */
  readonly machine: Machine;
  readonly #watches = new Map<number, (access: WatchedAccess) => void>();
  readonly #counts = new Map<number, number>();
  readonly #lines: StaleLines;

  constructor(machine: Machine) {
    this.machine = machine;
    this.#lines = new StaleLines(machine.core);
  }

  /** The table of honest answers; entries can be replaced, and the replaced ones called. */
  get answers(): Answers {
    return this.machine.hypervisor.answers;
  }

  /** Instructions that the guest has executed. */
  get instructions(): number {
    return this.machine.core.instructions;
  }

  /** The guest's RIP, which only an emulator can tell. */
  get rip(): bigint {
    return this.machine.core.state.rip;
  }

  // When

  /** Does `action` once the guest has executed `instructions`, before the next one. */
  at(instructions: number, action: () => void): void {
    this.machine.hypervisor.at(instructions, action);
  }

  /** Does `action` at each boundary from `from` on, until it answers false. */
  everyBoundary(from: number, action: () => boolean | undefined): void {
    const again = () => {
      if (action() !== false) this.at(this.instructions + 1, again);
    };
    this.at(from, again);
  }

  /** Does `action` each time that the guest is about to execute the instruction at `rip`. */
  atAddress(rip: bigint, action: (nth: number) => void): void {
    let nth = 0;
    this.everyBoundary(this.instructions, () => {
      if (this.rip === rip) action(++nth);
      return true;
    });
  }

  /** Does `action` before each access of the guest's to the page of `gpa`. */
  onAccess(gpa: bigint, action: (access: WatchedAccess) => void): void {
    const { hypervisor, memory, core } = this.machine;
    const gfn = Number(gpa / BigInt(PAGE));
    const frame = memory.frameOf(gfn);
    if (frame === undefined) throw new RangeError(`no memory at 0x${gpa.toString(16)}`);
    this.#watches.set(gfn, action);
    this.#counts.set(gfn, 0);
    core.frames.watch(frame, true);
    hypervisor.onAccess = (at, size, write) => {
      const page = Number(at / BigInt(PAGE));
      const nth = (this.#counts.get(page) ?? 0) + 1;
      this.#counts.set(page, nth);
      this.#watches.get(page)?.({ nth, gpa: at, size, write });
    };
  }

  // Events

  /** Injects an event at the next VMRUN, which refuses what the architecture does not allow. */
  inject(event: InjectedEvent | bigint): void {
    this.machine.vcpu.inject(typeof event === 'bigint' ? event : encodeEvent(event));
  }

  // Answers

  /** Replaces what is done about #VMEXIT `code`; `honest` is what would be. */
  onExit(code: number, answer: (exit: VmExit, honest: () => void) => void): void {
    const before = this.answers.exits.get(code);
    const replaced: ExitAnswer = (host, exit) => answer(exit, () => before?.(host, exit));
    this.answers.exits.set(code, replaced);
  }

  /** Replaces the answer to GHCB MSR requests with low bits `info`; undefined leaves the MSR alone. */
  onRequest(
    info: number,
    answer: (request: bigint, honest: () => bigint | undefined) => bigint | undefined,
  ): void {
    const before = this.answers.requests.get(info);
    const replaced: RequestAnswer = (host, request) =>
      answer(request, () => before?.(host, request));
    this.answers.requests.set(info, replaced);
  }

  /** Replaces the answer to GHCB event `code`. */
  onEvent(code: number, answer: (request: GhcbRequest, honest: () => void) => void): void {
    const before = this.answers.events.get(code);
    const replaced: EventAnswer = (host, request) =>
      answer(request, () => before?.answer(host, request));
    this.answers.events.set(code, { needs: before?.needs ?? (() => []), answer: replaced });
  }

  /** Called with each GHCB answer in the guest's page, which `write` can still change. */
  afterEvent(
    action: (request: GhcbRequest, write: (offset: number, bytes: Uint8Array) => void) => void,
  ): void {
    this.answers.answered = (_host, request) =>
      action(request, (offset, bytes) => {
        this.writeGuest(request.gpa + BigInt(offset), bytes);
      });
  }

  /** Has page-state changes stop after `entries` entries of each request. */
  stopPageStateChangesAfter(entries: number): void {
    this.machine.hypervisor.pscEntries = entries;
  }

  /** Changes what the guest gets of the AMD-SP's answers. */
  onPspResponse(edit: (response: PspResponse) => PspResponse): void {
    this.answers.pspResponse = (_host, response) => edit(response);
  }

  /** Replaces what is at `port`: `access` gives the value of a read; `honest` asks what is there. */
  onPort(port: number, access: (access: PortTouch, honest: () => number) => number): void {
    this.machine.ports.cover(port, (covered) => ({
      name: `hostile port 0x${port.toString(16)}`,
      width: 4,
      read: (_offset, size) => access({ size }, () => covered.read(port, size)),
      write: (_offset, size, value) => {
        access({ size, value }, () => {
          covered.write(port, size, value);
          return 0;
        });
      },
    }));
  }

  // Memory

  /** A write to system memory as the processor lets the host make it: a fault changes nothing. */
  write(spa: number, bytes: Uint8Array): HostFault | undefined {
    return this.machine.memory.write(spa, bytes);
  }

  /** System memory as the host reads it. */
  read(spa: number, size: number): Uint8Array {
    return this.machine.memory.read(spa, size);
  }

  /** A write to guest memory; 'absent' where there is none. */
  writeGuest(gpa: bigint, bytes: Uint8Array): HostFault | 'absent' | undefined {
    return this.machine.memory.writeGuest(gpa, bytes);
  }

  readGuest(gpa: bigint, size: number): Uint8Array | undefined {
    return this.machine.memory.readGuest(gpa, size);
  }

  /** Maps guest frame `gfn` to system frame `frame` in the nested table; undefined: to nothing. */
  remap(gfn: number, frame: number | undefined): void {
    const { npt } = this.machine.core;
    const present = frame !== undefined;
    const rights = { present, writable: present, executable: present };
    npt.set(gfn, { ...rights, frame: frame ?? 0, reserved: false, huge: false });
  }

  /** A device writes to guest memory; what comes back is what the IOMMU logs. */
  dma(gpa: bigint, bytes: Uint8Array): DmaFault | 'absent' | undefined {
    return this.machine.iommu.write(gpa, bytes);
  }

  /** Makes guest frame `gfn` a device's: an access raises #VC 400h, or goes to a bus of nothing. */
  makeDevice(gfn: number): void {
    const no = { present: false, writable: false, executable: false, huge: false };
    this.machine.core.npt.set(gfn, { ...no, frame: 0, reserved: true });
  }

  /** RMPUPDATE, with its return code. */
  rmpUpdate(frame: number, update: RmpUpdate): number {
    const { core, vcpu } = this.machine;
    return rmpUpdate(core.frames, frame, update, (used) => vcpu.uses(used));
  }

  // Launch

  /** Changes the pages of the launch: their order, contents, types and number. IGVM files only. */
  onLaunch(edit: (pages: readonly LaunchedPage[]) => readonly LaunchedPage[]): void {
    this.machine.hooks.pages = edit;
  }

  /** Changes the CPUID page that the AMD-SP is given. */
  onCpuidPage(edit: (page: Uint8Array) => Uint8Array): void {
    this.onLaunch((pages) =>
      pages.map((page) => (page.type === Launch.CPUID ? { ...page, data: edit(page.data) } : page)),
    );
  }

  /** Changes what is encrypted before SNP, command by command: order, places, sizes. */
  onUpdates(edit: (updates: readonly DataUpdate[]) => readonly DataUpdate[]): void {
    this.machine.hooks.updates = edit;
  }

  /** Has more vCPUs launched than the first; their VMSAs are in `machine.vmsaFrames`. */
  addVcpus(make: (first: Uint8Array) => readonly Uint8Array[]): void {
    this.machine.hooks.vcpus = make;
  }

  /** Changes the first VMSA before it is measured. */
  onVmsa(edit: (page: Uint8Array) => Uint8Array): void {
    this.machine.hooks.vmsa = edit;
  }

  /** Does `action` once everything is launched, before SNP_LAUNCH_FINISH. */
  beforeLaunchFinish(action: () => void): void {
    this.machine.hooks.launched = action;
  }

  /** The VMSA page as the host reads it: ciphertext. */
  readVmsa(): Uint8Array {
    return this.read(this.#vmsaSpa(), PAGE);
  }

  /** Goes over to the vCPU whose VMSA is in system frame `frame`. */
  switchVcpu(frame: number): void {
    this.machine.vcpu.switchTo(frame, this.machine.memory);
  }

  /** Has no translations forgotten any more when it enters another state of the guest's. */
  keepTranslations(): void {
    this.machine.vcpu.flushes = false;
  }

  /** VMRUN of the vCPU's VMSA on another processor, which its own may be in the guest with. */
  runElsewhere(maxInstructions: number): VmExit {
    return this.machine.vcpu.runElsewhere(maxInstructions);
  }

  /** Puts a VMSA page there, such as one read earlier. */
  replayVmsa(page: Uint8Array): HostFault | undefined {
    return this.write(this.#vmsaSpa(), page);
  }

  // Beneath the architecture: faults of the platform, which no check of it stops

  /** Memory as the chips hold it, read and written past the RMP: a module that lies about its size, INVD. */
  readChips(spa: number, size: number): Uint8Array {
    this.machine.memory.read(spa, size);
    return this.machine.core.read(spa, size, 0);
  }

  writeChips(spa: number, bytes: Uint8Array): void {
    this.machine.core.write(spa, bytes, 0);
  }

  /**
   * Writes 64 bytes to guest address `gpa`, before the page is the guest's, and keeps the line in the host's
   * cache: {@link evictLines} brings it down to memory later, unless the guest sees to it before.
   */
  keepLine(gpa: bigint, bytes: Uint8Array): void {
    const spa = this.machine.memory.spa(gpa);
    if (spa === undefined) throw new RangeError(`no memory at 0x${gpa.toString(16)}`);
    this.#lines.keep(spa, bytes);
    const page = gpa - (gpa % BigInt(PAGE));
    this.onAccess(page, (access) => {
      if (!access.write) this.#lines.read(Math.floor(spa / PAGE), Number(access.gpa - page));
    });
  }

  /** Writes back what the guest left in the host's cache; how many lines. */
  evictLines(): number {
    return this.#lines.evict();
  }

  /** Writes an RMP entry as it should never be. */
  forgeRmp(frame: number, change: Partial<RmpEntry>): void {
    const { frames } = this.machine.core;
    frames.setRmp(frame, { ...frames.rmp(frame), ...change });
  }

  /** Moves the stack pointer between two instructions. */
  addToStackPointer(delta: bigint): void {
    this.machine.core.state.rsp = BigInt.asUintN(64, this.machine.core.state.rsp + delta);
  }

  /** The hypervisor's offset to the guest's time stamp counter, of which a secure one hears nothing. */
  setTscOffset(offset: bigint): void {
    const { core } = this.machine;
    const secure = BigInt(SevStatus.SECURE_TSC) >> BigInt(SevStatus.FEATURES_SHIFT);
    if ((core.control.sevFeatures & secure) === 0n) core.state.tscOffset = offset;
  }

  /** Has RDRAND and RDSEED say that they have no number. */
  withholdRandom(withheld: boolean): void {
    this.machine.core.control.randomReady = withheld ? 0 : 1;
  }

  /** Has RDRAND and RDSEED give `value` for ever, as numbers that they are sure of. */
  breakRandom(value: bigint): void {
    Object.assign(this.machine.core.control, { random: value, randomReady: RANDOM_STUCK });
  }

  // Runs

  /** The machine as it is now; thousands of attempts can start from here. */
  snapshot(): Snapshot {
    return this.machine.snapshot();
  }

  /** Goes back to `snapshot`; pages that are watched stay so, and their accesses are counted anew. */
  restore(snapshot: Snapshot): void {
    this.machine.restore(snapshot);
    for (const gfn of this.#watches.keys()) {
      this.#counts.set(gfn, 0);
      const frame = this.machine.memory.frameOf(gfn);
      if (frame !== undefined) this.machine.core.frames.watch(frame, true);
    }
  }

  /** Lets the guest run until it has executed `instructions`, or ended. */
  runTo(instructions: number): Termination | undefined {
    const { hypervisor } = this.machine;
    while (hypervisor.ended === undefined && this.instructions < instructions) {
      const exit = hypervisor.enter(instructions - this.instructions);
      if (exit.code !== EXIT_LIMIT) hypervisor.answer(exit);
    }
    return hypervisor.ended;
  }

  #vmsaSpa(): number {
    const { vmsaFrame } = this.machine.vcpu;
    if (vmsaFrame === undefined) throw new RangeError('there is no VMSA');
    return vmsaFrame * PAGE;
  }
}
