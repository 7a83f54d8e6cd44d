import { APIC_BASE, X2APIC, X2APIC_LAST } from '../../../spec/msr.ts';
import * as Register from './apic-registers.ts';
import { ApicTimer } from './apic-timer.ts';
import type { Clock } from './clock.ts';
import { VectorSet } from './vector-set.ts';

/** Physical address of the registers' page, where they are in memory. APM2 §16.3.1. */
export const APIC_PAGE = 0xfee0_0000n;

const ID = 0;
const BOOT_VALUE = APIC_PAGE | Register.BASE_BSP | Register.BASE_ENABLE;
/** 14h, six entries in the local vector table. */
const VERSION = 0x0005_0014;
/** Lower vectors are exceptions': to send or receive one is an error. */
const FIRST_VECTOR = 16;
const ERROR_SENT_ILLEGAL = 0x20;
const ERROR_RECEIVED_ILLEGAL = 0x40;
const ERROR_REGISTER = 0x80;
/** Logical id of APIC id 0 in x2APIC mode. */
const LOGICAL_X2 = 1;

/** Fields of the interrupt command register. APM2 §16.5. */
const FIXED = 0;
const LOWEST = 1;
const NMI = 4;
const INIT = 5;
const ALL = 0xffff_ffff;

/** What an interrupt command can do beside raising a vector. */
export interface Signals {
  /** The processor gets a non-maskable interrupt. */
  nmi(): void;
  /** The processor gets INIT. */
  init(): void;
}

/**
 * The local APIC of the one processor, id 0: by MSR in x2APIC mode, by its page otherwise. Nothing
 * else raises interrupts here, so all are edge-triggered. APM2 chapter 16.
 */
export class LocalApic {
  readonly #signals: Signals;
  readonly #timer: ApicTimer;
  #base = BOOT_VALUE;
  #requested = new VectorSet();
  #inService = new VectorSet();
  #registers = bootRegisters();
  #errors = 0;
  #commandHigh = 0;

  constructor(clock: Clock, signals: Signals) {
    this.#signals = signals;
    this.#timer = new ApicTimer(clock);
  }

  /** As after reset. */
  reset(): void {
    this.#base = BOOT_VALUE;
    this.#requested = new VectorSet();
    this.#inService = new VectorSet();
    this.#registers = bootRegisters();
    this.#errors = 0;
    this.#commandHigh = 0;
    this.#timer.reset();
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const base = this.#base;
    const requested = this.#requested.words.slice();
    const inService = this.#inService.words.slice();
    const registers = new Map(this.#registers);
    const errors = this.#errors;
    const commandHigh = this.#commandHigh;
    const timer = this.#timer.snapshot();
    return () => {
      this.#base = base;
      this.#requested.words.set(requested);
      this.#inService.words.set(inService);
      this.#registers = new Map(registers);
      this.#errors = errors;
      this.#commandHigh = commandHigh;
      timer();
    };
  }

  /** When the timer will raise an interrupt that is not there yet, in ticks of the clock. */
  get deadline(): number | undefined {
    const { deadline } = this.#timer;
    if (deadline === undefined || !this.#on) return undefined;
    const entry = this.#get(Register.TIMER);
    const useless = (entry & Register.MASKED) !== 0 || this.#requested.has(entry & 0xff);
    return useless || (entry & 0xff) < FIRST_VECTOR ? undefined : deadline;
  }

  /** Raises what the timer has come to. */
  advance(): void {
    if (this.#timer.expired()) this.#raiseLocal(Register.TIMER);
  }

  get taskPriority(): number {
    return this.#get(Register.TASK_PRIORITY);
  }

  set taskPriority(value: number) {
    this.#registers.set(Register.TASK_PRIORITY, value);
  }

  /** Requests interrupt `vector`, as a device does. False: the APIC is off, or the vector illegal. */
  raise(vector: number): boolean {
    if (!this.#on) return false;
    if (vector < FIRST_VECTOR) {
      this.#error(ERROR_RECEIVED_ILLEGAL);
      return false;
    }
    this.#requested.add(vector);
    return true;
  }

  /** The vector that the processor is to take now, if its priority is above the processor's. */
  get pending(): number | undefined {
    const vector = this.#requested.highest;
    return vector !== undefined && vector >> 4 > this.#priority >> 4 ? vector : undefined;
  }

  /** The vector that waits for nothing but a lower task priority, or the processor's consent. */
  get waiting(): number | undefined {
    const vector = this.#requested.highest;
    return vector !== undefined && vector >> 4 > (this.#inService.highest ?? 0) >> 4
      ? vector
      : undefined;
  }

  /** Whether anything is requested, or anything in service beside `vector`. */
  busyBeside(vector: number): boolean {
    const { highest } = this.#requested;
    const served = this.#inService.highest;
    return highest !== undefined || (served ?? vector) !== vector;
  }

  /** The processor takes `vector`: from requested to in service. */
  accept(vector: number): void {
    this.#requested.delete(vector);
    this.#inService.add(vector);
  }

  /** The processor has served `vector`, if it was in service. */
  finish(vector: number): void {
    this.#inService.delete(vector);
  }

  /** The processor has served the highest vector in service. */
  endOfInterrupt(): void {
    const vector = this.#inService.highest;
    if (vector !== undefined) this.#inService.delete(vector);
  }

  /** RDMSR of APIC_BASE or an x2APIC register; undefined: #GP. APM2 §16.11. */
  readMsr(msr: number): bigint | undefined {
    if (msr === APIC_BASE) return this.#base;
    if (!this.#x2) return undefined;
    const register = msr - X2APIC;
    if (register === Register.COMMAND) {
      return (BigInt(this.#commandHigh) << 32n) | BigInt(this.#get(Register.COMMAND));
    }
    if (WRITE_ONLY.includes(register) || PAGE_ONLY.includes(register)) return undefined;
    const value = this.#read(register);
    return value === undefined ? undefined : BigInt(value);
  }

  /** WRMSR of APIC_BASE or an x2APIC register; false: #GP. APM2 §16.11. */
  writeMsr(msr: number, value: bigint): boolean {
    if (msr === APIC_BASE) return this.#writeBase(value);
    if (!this.#x2) return false;
    const register = msr - X2APIC;
    const low = Number(value & 0xffff_ffffn);
    if (register === Register.COMMAND) {
      this.#commandHigh = Number(value >> 32n);
      return this.#write(register, low);
    }
    if (value >> 32n !== 0n || PAGE_ONLY.includes(register)) return false;
    if (register === Register.SELF) return value <= 0xffn && this.#send(low, true);
    if (ZERO_ONLY.includes(register) && low !== 0) return false;
    return this.#write(register, low);
  }

  /** A read of the page at `offset`: 32 bits at every sixteenth byte. */
  readPage(offset: number): number {
    if (!this.#memoryMapped) return ALL;
    if (offset % 16 !== 0) return 0;
    const register = offset / 16;
    if (register === Register.COMMAND_HIGH) return this.#commandHigh;
    if (register === Register.SELF || WRITE_ONLY.includes(register)) return 0;
    const value = this.#read(register);
    if (value === undefined) this.#error(ERROR_REGISTER);
    return value ?? 0;
  }

  /** A write of 32 bits to the page at `offset`. */
  writePage(offset: number, value: number): void {
    if (!this.#memoryMapped || offset % 16 !== 0) return;
    const register = offset / 16;
    if (register === Register.COMMAND_HIGH) this.#commandHigh = (value & 0xff00_0000) >>> 0;
    else if (register === Register.SELF || !this.#write(register, value)) {
      this.#error(ERROR_REGISTER);
    }
  }

  /** The guest writes the interrupt command register as in x2APIC mode: event #HV IPI. */
  command(value: bigint): boolean {
    this.#commandHigh = Number((value >> 32n) & 0xffff_ffffn);
    return this.#send(Number(value & 0xffff_ffffn), true);
  }

  get #x2(): boolean {
    return (this.#base & Register.BASE_X2APIC) !== 0n;
  }

  get #memoryMapped(): boolean {
    return (this.#base & Register.BASE_ENABLE) !== 0n && !this.#x2;
  }

  get #on(): boolean {
    const enabled = (this.#get(Register.SPURIOUS) & Register.SOFTWARE_ENABLE) !== 0;
    return enabled && (this.#base & Register.BASE_ENABLE) !== 0n;
  }

  /** The processor's priority: of its task, or of what it serves. APM2 §16.6.4. */
  get #priority(): number {
    const task = this.#get(Register.TASK_PRIORITY);
    const served = this.#inService.highest ?? 0;
    return task >> 4 >= served >> 4 ? task : served & 0xf0;
  }

  #get(register: number): number {
    return this.#registers.get(register) ?? 0;
  }

  #writeBase(value: bigint): boolean {
    const enable = (value & Register.BASE_ENABLE) !== 0n;
    const x2 = (value & Register.BASE_X2APIC) !== 0n;
    const known = APIC_PAGE | Register.BASE_BSP | Register.BASE_X2APIC | Register.BASE_ENABLE;
    if ((value & ~known) !== 0n || (value & APIC_PAGE) !== APIC_PAGE) return false;
    // From x2APIC mode the only way out is off, from off none leads there. APM2 §16.9.
    const on = (this.#base & Register.BASE_ENABLE) !== 0n;
    if (x2 && (!enable || !on)) return false;
    if (this.#x2 && enable && !x2) return false;
    if (!enable) this.reset();
    this.#base = value;
    return true;
  }

  #read(register: number): number | undefined {
    if (register >= Register.IN_SERVICE && register < Register.ERROR_STATUS) {
      if (register >= Register.REQUESTED) return this.#requested.words[register & 7];
      return register < Register.TRIGGER_MODE ? this.#inService.words[register & 7] : 0;
    }
    switch (register) {
      case Register.ID:
        return ID;
      case Register.VERSION:
        return VERSION;
      case Register.PROCESSOR_PRIORITY:
        return this.#priority;
      case Register.LOGICAL_DESTINATION:
        return this.#x2 ? LOGICAL_X2 : this.#get(register);
      case Register.CURRENT_COUNT:
        this.advance();
        return this.#timer.current;
      default:
        return this.#registers.get(register);
    }
  }

  #write(register: number, value: number): boolean {
    switch (register) {
      case Register.END_OF_INTERRUPT:
        this.endOfInterrupt();
        return true;
      case Register.ERROR_STATUS:
        this.#registers.set(register, this.#errors);
        this.#errors = 0;
        return true;
      case Register.COMMAND:
        this.#registers.set(register, value & 0xc_dfff);
        return this.#send(value, this.#x2);
      case Register.LOGICAL_DESTINATION:
        if (this.#x2) return false;
        break;
      case Register.INITIAL_COUNT:
        this.#timer.start(value);
        break;
      case Register.DIVIDE:
        this.#timer.divide(value);
        break;
      case Register.TIMER:
        if ((value & 0x4_0000) !== 0 && this.#x2) return false;
        this.#timer.periodic = (value & Register.PERIODIC) !== 0;
        break;
      case Register.SPURIOUS:
        // Without the software's consent every entry of the table is masked. APM2 §16.4.7.
        if ((value & Register.SOFTWARE_ENABLE) === 0) {
          for (const entry of LOCAL_VECTORS) {
            this.#registers.set(entry, this.#get(entry) | Register.MASKED);
          }
        }
        break;
    }
    const mask = WRITABLE.get(register);
    if (mask === undefined) return false;
    if (this.#x2 && (value & ~mask) !== 0) return false;
    this.#registers.set(register, (value & mask) >>> 0);
    return true;
  }

  #raiseLocal(entry: number): void {
    const value = this.#get(entry);
    if ((value & Register.MASKED) === 0) this.raise(value & 0xff);
  }

  /** Carries out an interrupt command, of which only what is for this processor has an effect. */
  #send(command: number, x2: boolean): boolean {
    const shorthand = (command >> 18) & 3;
    const logical = (command & 0x800) !== 0;
    const target = x2 ? this.#commandHigh : this.#commandHigh >>> 24;
    const everyone = target === (x2 ? ALL : 0xff);
    const isMine = logical ? (target & this.#logicalId(x2)) !== 0 : target === ID;
    const reached = shorthand === 0 ? everyone || isMine : shorthand !== 3;
    const vector = command & 0xff;
    switch ((command >> 8) & 7) {
      case FIXED:
      case LOWEST:
        if (vector < FIRST_VECTOR) this.#error(ERROR_SENT_ILLEGAL);
        else if (reached) this.raise(vector);
        return true;
      case NMI:
        if (reached) this.#signals.nmi();
        return true;
      case INIT:
        if (reached && (command & 0x4000) !== 0) this.#signals.init();
        return true;
      default:
        return true;
    }
  }

  #logicalId(x2: boolean): number {
    return x2 ? LOGICAL_X2 : this.#get(Register.LOGICAL_DESTINATION) >>> 24;
  }

  #error(bit: number): void {
    const first = this.#errors === 0;
    this.#errors |= bit;
    if (first && bit !== ERROR_RECEIVED_ILLEGAL) this.#raiseLocal(Register.ERROR);
  }
}

const LOCAL_VECTORS = [
  ...[Register.TIMER, Register.THERMAL, Register.PERFORMANCE],
  ...[Register.LINT0, Register.LINT1, Register.ERROR],
];
const WRITE_ONLY = [Register.END_OF_INTERRUPT, Register.SELF];
/** MSRs that take nothing but zero. */
const ZERO_ONLY = [Register.END_OF_INTERRUPT, Register.ERROR_STATUS];
const PAGE_ONLY = [Register.DESTINATION_FORMAT, Register.COMMAND_HIGH];

/** Bits that a write leaves in a register, of those that are plain storage. */
const WRITABLE: ReadonlyMap<number, number> = new Map([
  [Register.TASK_PRIORITY, 0xff],
  [Register.LOGICAL_DESTINATION, 0xff00_0000],
  [Register.DESTINATION_FORMAT, 0xf000_0000],
  [Register.SPURIOUS, 0x3ff],
  [Register.TIMER, 0x3_00ff],
  [Register.THERMAL, 0x1_07ff],
  [Register.PERFORMANCE, 0x1_07ff],
  [Register.LINT0, 0x1_a7ff],
  [Register.LINT1, 0x1_a7ff],
  [Register.ERROR, 0x1_00ff],
  [Register.INITIAL_COUNT, ALL],
  [Register.DIVIDE, 0x0b],
]);

function bootRegisters(): Map<number, number> {
  const registers = new Map<number, number>();
  for (const register of WRITABLE.keys()) registers.set(register, 0);
  for (const entry of LOCAL_VECTORS) registers.set(entry, Register.MASKED);
  registers.set(Register.SPURIOUS, 0xff);
  registers.set(Register.DESTINATION_FORMAT, 0xffff_ffff);
  registers.set(Register.ERROR_STATUS, 0);
  registers.set(Register.COMMAND, 0);
  return registers;
}

/** Whether `msr` is the APIC's. */
export function isApicMsr(msr: number): boolean {
  return msr === APIC_BASE || (msr >= X2APIC && msr <= X2APIC_LAST);
}
