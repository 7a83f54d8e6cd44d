import { RFLAGS_IF } from '../../../spec/cpu.ts';
import * as Injection from '../../../spec/event-injection.ts';
import * as Exit from '../../../spec/exit.ts';
import { VMSA_GPA } from '../../../spec/launch.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import { Checks } from '../checks.ts';
import { NO_FRAME } from '../core/memory-map.ts';
import { type Core, EXIT_LIMIT } from '../core.ts';
import { type GuestMemory, PAGE } from '../hypervisor/guest-memory.ts';
import { type Mode, protectedState } from '../mode.ts';
import { refusedEvent, refusedPage, refusedState, refusedVmsa } from './checks.ts';
import { setIntercept, setIntercepts } from './intercepts.ts';
import { applyProtection, nextNonce } from './register-protection.ts';
import { tscMegahertz } from './secure-tsc.ts';
import { loadState, sevStatus, storeState } from './state.ts';

/** Why the guest left. */
export interface VmExit {
  /** Low half of EXITCODE: spec/exit.ts, or the core's own EXIT_LIMIT and EXIT_UNIMPLEMENTED. */
  readonly code: number;
  readonly info1: bigint;
  readonly info2: bigint;
}

const VMSA_GFN = VMSA_GPA / PAGE;
/** What VMRUN answers where it has to do what this machine does not have: alternate injection. */
export const EXIT_MISSING = 0x1_0002;
const FEATURES_SHIFT = BigInt(SevStatus.FEATURES_SHIFT);
const ALTERNATE_INJECTION = BigInt(SevStatus.ALTERNATE_INJECTION) >> FEATURES_SHIFT;
const SECURE_TSC = BigInt(SevStatus.SECURE_TSC) >> FEATURES_SHIFT;
const DEBUG_SWAP = BigInt(SevStatus.DEBUG_SWAP) >> FEATURES_SHIFT;

/** Most that the core runs in one go. */
const STRETCH = 0x4000_0000;

/**
 * A virtual processor as the hypervisor handles it. Where the guest's state is protected it lives
 * in a VMSA page under the guest's key: it is read from there when the page is new or was written,
 * and put back when somebody looks.
 */
export class Vcpu {
  readonly #core: Core;
  readonly #checks: Checks;
  readonly #mode: Mode;
  readonly #asid: number;
  readonly #asidRuns: (asid: number) => boolean;
  /** The VMSA as the processor left it. */
  #vmsa: Uint8Array = new Uint8Array(PAGE);
  #vmsaFrame: number | undefined;
  #vmsaGfn = VMSA_GFN;
  /** VMSAs of other vCPUs of the guest's, as the processor left them, by frame. */
  readonly #others = new Map<number, Uint8Array>();
  /** The state is to be taken from the VMSA page: the vCPU has not run from it yet, or not since RMPUPDATE. */
  #fresh = false;
  /**
   * VMCB TLB_CONTROL: whether the hypervisor has translations forgotten when it enters another state. An SNP guest's
   * VMSA tells the processor itself that another ran before. APM2 §15.16, §15.36.12.
   */
  flushes = true;
  /** The guest ran since its registers were put into the VMSA page, or taken from there. */
  #ran = false;
  /** The processor was last left in the middle of the guest, not by a #VMEXIT. */
  #inGuest = false;
  /** Has the VMSA page written at each #VMEXIT, as it is, and not when somebody looks. */
  writesBack = false;
  /** What VMRUN has against the state that the vCPU was started in. */
  #startRefusal: string | undefined;
  #refusal = '';

  /** `asidRuns`: whether the AMD-SP lets processors run the guest with that ASID. */
  constructor(
    core: Core,
    mode: Mode,
    asid: number,
    checks = new Checks(core),
    asidRuns: (asid: number) => boolean = () => true,
  ) {
    this.#asidRuns = asidRuns;
    this.#core = core;
    this.#checks = checks;
    this.#mode = mode;
    this.#asid = asid;
    core.control.asid = asid;
    core.control.sev = mode === 'none' ? 0 : 1;
    core.control.sevEs = protectedState(mode) ? 1 : 0;
    core.control.snp = mode === 'snp' ? 1 : 0;
    setIntercepts(core, mode);
  }

  /** VMCB field GHCB: the MSR's value, the one register that both sides see. APM2 §15.35.7. */
  get ghcb(): bigint {
    return this.#core.state.ghcb;
  }

  set ghcb(value: bigint) {
    this.#core.state.ghcb = value;
  }

  /** The registers, where they are the hypervisor's to see. */
  get registers(): Core['state'] {
    if (protectedState(this.#mode)) throw new TypeError(`registers of a ${this.#mode} guest`);
    return this.#core.state;
  }

  /** Why the last VMRUN was refused, in words. */
  get refusal(): string {
    return this.#refusal;
  }

  /** Starts in the state of the save area `page`, whose content the hypervisor holds. */
  start(page: Uint8Array): void {
    loadState(this.#core.state, page);
    this.#startRefusal = refusedState(view(Vmsa, page));
    this.#core.state.sevStatus = this.#mode === 'sev' ? BigInt(SevStatus.SEV) : 0n;
  }

  /** Starts from the VMSA in system frame `frame`, which must be the guest's page `gfn`. */
  startProtected(frame: number, memory: GuestMemory, gfn = VMSA_GFN): void {
    this.#store();
    this.#vmsaFrame = frame;
    this.#vmsaGfn = gfn;
    this.#fresh = true;
    memory.watch(frame, () => this.#store());
    this.#core.control.vmpl = 0;
    this.#vmsa = this.#readVmsa(frame);
  }

  /** Goes over to another of the guest's VMSAs, in system frame `frame`, which may have run before. */
  switchTo(frame: number, memory: GuestMemory, gfn = VMSA_GFN): void {
    this.#store();
    if (this.#vmsaFrame !== undefined) this.#others.set(this.#vmsaFrame, this.#vmsa);
    const left = this.#others.get(frame);
    this.startProtected(frame, memory, gfn);
    if (left) this.#vmsa = left;
  }

  /**
   * VMRUN of the same VMSA on another processor, from what is in the page. The registers of this one stay as they
   * are; {@link writesBack} must be on, for the page to hold what the processor left. APM2 §15.36.12.
   */
  runElsewhere(maxInstructions: number): VmExit {
    const frame = this.#vmsaFrame;
    if (frame === undefined) throw new RangeError('there is no VMSA');
    if (this.#inGuest && this.#mode === 'snp' && this.#checks.has('vmsa-in-use')) {
      this.#refusal = 'the VMSA is in use';
      return { code: Exit.INVALID, info1: 0n, info2: 0n };
    }
    const { state, control } = this.#core;
    const here = new Uint8Array(PAGE);
    storeState(state, here);
    const there = this.#readVmsa(frame);
    loadState(state, there);
    this.#core.flush();
    const code = this.#core.run(maxInstructions);
    const { exitInfo1, exitInfo2 } = control;
    storeState(state, there);
    this.#core.write(frame * PAGE, applyProtection(there), this.#asid);
    this.#core.frames.clearWritten(frame);
    loadState(state, here);
    this.#core.flush();
    return { code, info1: exitInfo1, info2: exitInfo2 };
  }

  /** As after power-on: no VMSA, nothing pending, a time stamp counter that begins. APM2 §14.1.3. */
  reset(): void {
    const { state, control } = this.#core;
    this.#vmsaFrame = undefined;
    this.#others.clear();
    this.flushes = true;
    this.#ran = false;
    this.#inGuest = false;
    this.#startRefusal = undefined;
    Object.assign(control, { eventInj: 0n, vIntr: 0n, intState: 0n, vmpl: 0, sevFeatures: 0n });
    state.cr8 = 0n;
    state.tscOffset = -(state.instructions + control.timeSkipped);
    this.watchIret(false);
  }

  /** Copies what is not in the core; what comes back puts it there again. */
  snapshot(): () => void {
    const vmsa = this.#vmsa.slice();
    const [frame, gfn, fresh] = [this.#vmsaFrame, this.#vmsaGfn, this.#fresh];
    const [startRefusal, refusal] = [this.#startRefusal, this.#refusal];
    const [flushes, ran, inGuest] = [this.flushes, this.#ran, this.#inGuest];
    const others = [...this.#others];
    return () => {
      this.flushes = flushes;
      this.#ran = ran;
      this.#inGuest = inGuest;
      this.#others.clear();
      for (const [at, page] of others) this.#others.set(at, page);
      this.#vmsa = vmsa.slice();
      this.#vmsaFrame = frame;
      this.#vmsaGfn = gfn;
      this.#fresh = fresh;
      this.#startRefusal = startRefusal;
      this.#refusal = refusal;
    };
  }

  /** The system frame of the VMSA. */
  get vmsaFrame(): number | undefined {
    return this.#vmsaFrame;
  }

  /**
   * Whether the vCPU is in the guest with the VMSA in `frame`, which RMPUPDATE cannot change then. One that it has left
   * gets the state that it left with, for whatever becomes of the page, and is read again. APM2 §15.36.12.
   */
  uses(frame: number): boolean {
    if (frame !== this.#vmsaFrame) return false;
    if (this.#inGuest) return true;
    this.#store();
    this.#fresh = true;
    return false;
  }

  /** An interrupt of the host's ends the run where it is: #VMEXIT(INTR). */
  leave(): void {
    this.#inGuest = false;
    if (this.writesBack) this.#store();
  }

  /** VMRUN: the guest runs until it exits, or for `maxInstructions`. APM2 §15.5. */
  run(maxInstructions: number): VmExit {
    const refusal = this.#refused();
    if (refusal !== undefined) {
      this.#refusal = refusal;
      this.#inGuest = false;
      return { code: Exit.INVALID, info1: 0n, info2: 0n };
    }
    const injected = this.#core.control.eventInj;
    this.#core.control.keepsTranslations = this.#forgets ? 0 : 1;
    this.#core.control.exitIntInfo = 0n;
    if ((this.#core.control.sevFeatures & ALTERNATE_INJECTION) !== 0n) {
      return { code: EXIT_MISSING, info1: 0n, info2: 0n };
    }
    this.#core.control.vmsaFrame = this.#vmsaFrame ?? NO_FRAME;
    const code = this.#core.run(Math.min(maxInstructions, STRETCH));
    this.#inGuest = code === EXIT_LIMIT;
    this.#ran = true;
    if (this.writesBack && !this.#inGuest) this.#store();
    const { exitInfo1, exitInfo2, exitIntInfo } = this.#core.control;
    if (mustRepeat(exitIntInfo, injected)) this.inject(exitIntInfo);
    return { code, info1: exitInfo1, info2: exitInfo2 };
  }

  /** EVENTINJ for the next VMRUN, which refuses what the architecture does not allow. */
  inject(event: bigint): void {
    this.#core.control.eventInj = event;
  }

  /** Whether an event is to be injected already. */
  get injecting(): boolean {
    return (this.#core.control.eventInj & BigInt(Injection.VALID)) !== 0n;
  }

  /** Whether the guest takes interrupts now: VMCB guest interrupt mask and shadow. APM2 §15.21.5. */
  get interruptible(): boolean {
    const { control, state } = this.#core;
    return (state.rflags & BigInt(RFLAGS_IF)) !== 0n && control.interruptShadow === 0n;
  }

  /** The guest's CR8: VMCB V_TPR. APM2 §15.21.2. */
  get taskPriority(): number {
    return Number(this.#core.control.vTpr);
  }

  set taskPriority(value: number) {
    this.#core.control.vTpr = BigInt(value);
    this.#core.state.cr8 = BigInt(value);
  }

  /** Has the guest exit (VINTR) once it would take `vector`; undefined: no more. APM2 §15.21.4. */
  requestWindow(vector: number | undefined): void {
    const { control } = this.#core;
    control.vIrq = vector === undefined ? 0n : 1n;
    if (vector === undefined) return;
    control.vIntrPriority = BigInt(vector >> 4);
    control.vIntrVector = BigInt(vector);
  }

  /** Has the guest exit at its next IRET, where that can be intercepted. APM2 §15.13. */
  watchIret(on: boolean): void {
    if (protectedState(this.#mode)) return;
    setIntercept(this.#core.control, Exit.IRET, on);
  }

  /** Has the guest raise exception `vector`, with an error code where one is given. */
  injectException(vector: number, errorCode?: number): void {
    const kind = Injection.TYPE_EXCEPTION << Injection.TYPE_SHIFT;
    const event = BigInt(vector | kind) | BigInt(Injection.VALID);
    if (errorCode === undefined) this.inject(event);
    else this.inject(event | BigInt(Injection.ERROR_VALID) | (BigInt(errorCode) << 32n));
  }

  /** Goes past the intercepted instruction, where the guest's registers are the hypervisor's. */
  advance(): void {
    this.registers.rip = this.#core.control.nRip;
    this.#core.control.interruptShadow = 0n;
  }

  /** Whether translations of another state are forgotten, by the hypervisor's wish or by the processor itself. */
  get #forgets(): boolean {
    return this.flushes || (this.#mode === 'snp' && this.#checks.has('tlb-flush'));
  }

  #refused(): string | undefined {
    const { eventInj } = this.#core.control;
    const es = protectedState(this.#mode);
    const frame = this.#vmsaFrame;
    if (es && frame === undefined) return 'there is no VMSA';
    if (this.#startRefusal !== undefined) return this.#startRefusal;
    if (this.#mode === 'snp' && this.#checks.has('asid-enabled') && !this.#asidRuns(this.#asid)) {
      return 'the ASID is no running guest’s';
    }
    if (frame !== undefined) {
      if (this.#mode === 'snp' && this.#checks.has('vmsa-page')) {
        const refusal = refusedPage(this.#core.frames.rmp(frame), this.#asid, this.#vmsaGfn);
        if (refusal !== undefined) return refusal;
      }
      if (this.#fresh || this.#core.frames.written(frame)) {
        const refusal = this.#load(frame);
        if (refusal !== undefined) return refusal;
      }
    }
    if (!this.#checks.has('event-injection')) return undefined;
    const features = es ? this.#core.control.sevFeatures : 0n;
    return refusedEvent(eventInj, features, es);
  }

  /** Takes the state over from the VMSA page, unless VMRUN refuses it: then it says why. */
  #load(frame: number): string | undefined {
    const page = this.#readVmsa(frame);
    // Before SNP the processor knows a checksum of what it left there. APM2 §15.35.8
    const changed = page.some((byte, at) => byte !== this.#vmsa[at]);
    const checked = this.#mode === 'sev-es' && this.#checks.has('vmsa-checksum');
    if (changed && checked) return 'the VMSA was changed';
    const save = view(Vmsa, page);
    const refusal = refusedVmsa(save, this.#mode);
    if (refusal !== undefined && this.#checks.has('vmsa-state')) return refusal;
    this.#vmsa = page;
    this.#fresh = false;
    this.#ran = false;
    loadState(this.#core.state, page);
    this.#core.control.vmpl = save.vmpl;
    this.#core.control.sevFeatures = save.sevFeatures;
    // With its debug registers swapped the guest needs nobody's help with DR7. APM2 §15.36.4
    const helped = (save.sevFeatures & DEBUG_SWAP) === 0n;
    setIntercept(this.#core.control, Exit.DR7_READ, helped);
    setIntercept(this.#core.control, Exit.DR7_WRITE, helped);
    this.#core.control.tscScale = save.tscScale;
    this.#core.control.tscFrequency = tscMegahertz(save.tscScale);
    if ((save.sevFeatures & SECURE_TSC) !== 0n) this.#core.state.tscOffset = save.tscOffset;
    this.#core.state.sevStatus = sevStatus(save.sevFeatures);
    if (this.#forgets) this.#core.flush();
    this.#core.frames.clearWritten(frame);
    return undefined;
  }

  #readVmsa(frame: number): Uint8Array {
    return applyProtection(this.#core.read(frame * PAGE, PAGE, this.#asid));
  }

  #store(): void {
    const frame = this.#vmsaFrame;
    if (frame === undefined || this.#fresh || !this.#ran) return;
    if (this.#core.frames.written(frame)) return;
    this.#ran = false;
    storeState(this.#core.state, this.#vmsa);
    const save = view(Vmsa, this.#vmsa);
    const { exitCode, exitInfo1, exitInfo2, exitIntInfo, nRip } = this.#core.control;
    Object.assign(save, { exitCode, exitInfo1, exitInfo2, exitIntInfo, nRip });
    save.regProtNonce = nextNonce(save.regProtNonce);
    this.#core.write(frame * PAGE, applyProtection(this.#vmsa), this.#asid);
    this.#core.frames.clearWritten(frame);
  }
}

/**
 * Whether an event whose delivery led to the exit must be injected again: interrupts, and what was
 * `injected`. The guest comes to what its instructions raise by itself. APM2 §15.7.2.
 */
function mustRepeat(event: bigint, injected: bigint): boolean {
  if ((event & BigInt(Injection.VALID)) === 0n) return false;
  const type = Number((event >> BigInt(Injection.TYPE_SHIFT)) & 7n);
  if (type === Injection.TYPE_INTERRUPT || type === Injection.TYPE_NMI) return true;
  return event === injected;
}
