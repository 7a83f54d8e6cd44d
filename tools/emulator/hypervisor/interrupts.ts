import * as Cpu from '../../../spec/cpu.ts';
import * as Injection from '../../../spec/event-injection.ts';
import { HvDoorbell } from '../../../spec/layouts/doorbell.ts';
import type { Vcpu } from '../vcpu/vcpu.ts';
import type { LocalApic } from './apic.ts';
import type { Clock } from './clock.ts';
import type { GuestMemory } from './guest-memory.ts';

/** HvDoorbell.pendingEvent. GHCB, #HV doorbell page. */
const VECTOR = 0xff;
const NMI_PENDING = 0x100;
const NO_FURTHER_SIGNAL = 0x8000;
const NO_EOI = BigInt(HvDoorbell.fields.noEoiRequired.offset);

/** What the hypervisor needs to interrupt its guest. */
export interface InterruptParts {
  readonly vcpu: Vcpu;
  readonly apic: LocalApic;
  readonly clock: Clock;
  readonly memory: GuestMemory;
  /** Only #HV is injected; the doorbell page says what is pending. */
  readonly restricted: boolean;
}

/**
 * Brings to the guest what is pending, before each VMRUN: by vector through EVENTINJ, with the
 * virtual interrupt to learn when the guest takes interrupts again, or through the doorbell page and #HV.
 */
export class Interrupts {
  readonly #parts: InterruptParts;
  /** The guest's #HV doorbell page. GHCB, #HV doorbell page. */
  doorbell: bigint | undefined;
  #nmi = false;
  #nmiMasked = false;
  /** The tick from which on another NMI may come: after the IRET that ends the one before. */
  #nmiFrom = 0;
  /** The vector that the guest may end without telling, as long as the page says so. */
  #silent: number | undefined;

  constructor(parts: InterruptParts) {
    this.#parts = parts;
  }

  reset(): void {
    this.doorbell = undefined;
    this.#nmi = false;
    this.#nmiMasked = false;
    this.#nmiFrom = 0;
    this.#silent = undefined;
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const { doorbell } = this;
    const [nmi, nmiMasked, silent] = [this.#nmi, this.#nmiMasked, this.#silent];
    const nmiFrom = this.#nmiFrom;
    return () => {
      this.doorbell = doorbell;
      this.#nmi = nmi;
      this.#nmiMasked = nmiMasked;
      this.#nmiFrom = nmiFrom;
      this.#silent = silent;
    };
  }

  /** A non-maskable interrupt is pending. */
  raiseNmi(): void {
    this.#nmi = true;
  }

  /** The guest can take another NMI: event NMI complete. */
  unmaskNmi(): void {
    this.#nmiMasked = false;
  }

  /** The guest is about to execute IRET, the end of its NMI's handler. */
  beforeIret(): void {
    this.unmaskNmi();
    this.#nmiFrom = this.#parts.clock.now + 1;
    this.#parts.vcpu.watchIret(false);
  }

  /** What must be done before VMRUN. */
  beforeEntry(): void {
    const { apic, restricted } = this.#parts;
    apic.advance();
    if (restricted) this.#ring();
    else this.#inject();
  }

  /** Whether a halted guest has something to wake up for. */
  get wakes(): boolean {
    const { apic, vcpu, restricted } = this.#parts;
    if (vcpu.injecting) return true;
    if (restricted) {
      this.#settle();
      const word = this.#readDoorbell();
      if (word === undefined) return false;
      return this.#nmi || ((word & VECTOR) === 0 && apic.pending !== undefined);
    }
    this.#takePriority();
    return this.#nmiReady || (vcpu.interruptible && apic.pending !== undefined);
  }

  /** Ticks that the guest may run before it must be interrupted. */
  get ticksLeft(): number {
    const { now } = this.#parts.clock;
    const deadline = this.#parts.apic.deadline ?? Number.POSITIVE_INFINITY;
    const nmi = this.#nmi && this.#nmiFrom > now ? this.#nmiFrom : Number.POSITIVE_INFINITY;
    return Math.min(deadline, nmi) - now;
  }

  /**
   * Does what reads or writes the APIC's registers. The task priority is one with the processor's CR8,
   * but where the guest keeps it to itself. APM2 §15.21.2.
   */
  withPriority<T>(access: () => T): T {
    const { apic, vcpu, restricted } = this.#parts;
    if (restricted) return access();
    this.#takePriority();
    const result = access();
    vcpu.taskPriority = apic.taskPriority >> 4;
    return result;
  }

  get #nmiReady(): boolean {
    return this.#nmi && !this.#nmiMasked && this.#parts.clock.now >= this.#nmiFrom;
  }

  #takePriority(): void {
    const { apic, vcpu } = this.#parts;
    if (apic.taskPriority >> 4 !== vcpu.taskPriority) apic.taskPriority = vcpu.taskPriority << 4;
  }

  /** By vector. APM2 §15.20, §15.21.4. */
  #inject(): void {
    const { apic, vcpu } = this.#parts;
    if (this.#nmiReady && !vcpu.injecting) {
      this.#nmi = false;
      this.#nmiMasked = true;
      vcpu.watchIret(true);
      vcpu.inject(event(Cpu.VECTOR_NMI, Injection.TYPE_NMI));
    }
    this.#takePriority();
    const { pending } = apic;
    if (pending !== undefined && vcpu.interruptible && !vcpu.injecting) {
      apic.accept(pending);
      vcpu.inject(event(pending, Injection.TYPE_INTERRUPT));
    }
    vcpu.requestWindow(apic.waiting);
  }

  /** Through the doorbell page; what is in there already is not touched. GHCB, #HV doorbell page. */
  #ring(): void {
    const { apic, vcpu } = this.#parts;
    this.#settle();
    const { pending } = apic;
    if (pending === undefined && !this.#nmi) return;
    const before = this.#readDoorbell();
    if (before === undefined) return;
    let word = before;
    if (pending !== undefined && (word & VECTOR) === 0) {
      word |= pending;
      apic.accept(pending);
      if (!apic.busyBeside(pending)) this.#silent = pending;
      this.#writeDoorbell(NO_EOI, this.#silent === undefined ? 0 : 1);
    }
    if (this.#nmi) {
      word |= NMI_PENDING;
      this.#nmi = false;
    }
    if (word === before) return;
    const signal = (word & NO_FURTHER_SIGNAL) === 0;
    this.#writeDoorbell(0n, word & 0xff, ((word | NO_FURTHER_SIGNAL) >> 8) & 0xff);
    if (signal) vcpu.inject(event(Cpu.VECTOR_HV, Injection.TYPE_EXCEPTION));
  }

  /** Learns whether the guest ended its interrupt silently, and forbids it when others wait. */
  #settle(): void {
    const { apic } = this.#parts;
    const silent = this.#silent;
    if (silent === undefined) return;
    const byte = this.#readByte(NO_EOI);
    if (byte !== undefined && (byte & 1) === 0) {
      apic.finish(silent);
      this.#silent = undefined;
    } else if (apic.busyBeside(silent)) {
      this.#silent = undefined;
      this.#writeDoorbell(NO_EOI, 0);
    }
  }

  #readDoorbell(): number | undefined {
    const low = this.#readByte(0n);
    const high = this.#readByte(1n);
    return low === undefined || high === undefined ? undefined : low | (high << 8);
  }

  /** undefined: there is no page, or it is not the hypervisor's. */
  #readByte(offset: bigint): number | undefined {
    const { memory } = this.#parts;
    if (this.doorbell === undefined || !memory.writable(this.doorbell)) return undefined;
    return memory.readGuest(this.doorbell + offset, 1)?.[0];
  }

  #writeDoorbell(offset: bigint, ...bytes: readonly number[]): void {
    if (this.doorbell === undefined) return;
    this.#parts.memory.writeGuest(this.doorbell + offset, Uint8Array.from(bytes));
  }
}

function event(vector: number, type: number): bigint {
  return BigInt(vector | (type << Injection.TYPE_SHIFT)) | BigInt(Injection.VALID);
}
