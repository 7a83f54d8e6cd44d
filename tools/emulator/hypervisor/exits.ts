import * as Cpu from '../../../spec/cpu.ts';
import * as Exit from '../../../spec/exit.ts';
import { INFO_MASK } from '../../../spec/ghcb-msr.ts';
import { EXIT_LIMIT, EXIT_UNIMPLEMENTED } from '../core.ts';
import { withState } from '../cpuid/state.ts';
import { EXIT_MISSING, type VmExit } from '../vcpu/vcpu.ts';
import type { ExitAnswer } from './answers.ts';
import { answerGhcbPage } from './ghcb-page.ts';
import type { Hypervisor } from './hypervisor.ts';
import { mergeInput, parsePortAccess } from './io-events.ts';
import { nestedFault } from './nested-faults.ts';
import { stringAccess } from './string-io.ts';

const LOW = 0xffff_ffffn;
/** XCR0 features of this processor: x87, SSE and AVX, the last only with the second. */
const XCR0_ALLOWED = 7n;
const XCR0_SSE = 2n;
const XCR0_AVX = 4n;
const NO_SUCH_CALL = (1n << 64n) - 1000n;

/** The default answers by exit code. APM2 §15.9 and following. */
// biome-ignore format: an exit a line
export const EXITS: readonly (readonly [number, ExitAnswer])[] = [
  [EXIT_LIMIT, () => {}],
  // The timer, or the interrupt window: what is pending goes in before the next VMRUN.
  [Exit.INTR, () => {}],
  [Exit.VINTR, () => {}],
  [Exit.IRET, (host) => host.interrupts.beforeIret()],
  [EXIT_UNIMPLEMENTED, (host) => host.end({ kind: 'unimplemented', what: host.core.unimplemented() })],
  [EXIT_MISSING, (host) => host.end({ kind: 'unimplemented', what: 'alternate injection' })],
  [Exit.CPUID, cpuid],
  [Exit.IOIO, portAccess],
  [Exit.MSR, msr],
  [Exit.HLT, halt],
  [Exit.VMGEXIT, vmgexit],
  [Exit.NPF, nestedFault],
  [Exit.VMMCALL, hypercall],
  [Exit.INVD, skip],
  [Exit.WBINVD, skip],
  [Exit.MONITOR, skip],
  [Exit.MWAIT, skip],
  [Exit.PAUSE, skip],
  [Exit.RDPMC, (host) => host.vcpu.injectException(Cpu.VECTOR_GP, 0)],
  [Exit.RDPRU, noSuchInstruction],
  [Exit.XSETBV, setXcr0],
  [Exit.VMRUN, noSuchInstruction],
  [Exit.VMLOAD, noSuchInstruction],
  [Exit.VMSAVE, noSuchInstruction],
  [Exit.STGI, noSuchInstruction],
  [Exit.CLGI, noSuchInstruction],
  [Exit.SKINIT, noSuchInstruction],
  [Exit.INVLPGA, noSuchInstruction],
  [Exit.SHUTDOWN, (host) => host.end({ kind: 'shutdown', cause: 'triple fault' })],
  [Exit.INVALID, (host) => host.end({ kind: 'shutdown', cause: `VMRUN refused: ${host.vcpu.refusal}` })],
];

function skip(host: Hypervisor): void {
  if (!host.protectedState) host.vcpu.advance();
}

/** Time passes up to what wakes the guest; without anything that can, it stays halted for good. */
function halt(host: Hypervisor): void {
  while (!host.interrupts.wakes) {
    const { deadline } = host.apic;
    if (deadline === undefined) {
      host.end({ kind: 'idle' });
      return;
    }
    host.clock.skipTo(deadline);
    host.apic.advance();
  }
}

function noSuchInstruction(host: Hypervisor): void {
  host.vcpu.injectException(Cpu.VECTOR_UD);
}

function cpuid(host: Hypervisor): void {
  const { registers } = host.vcpu;
  const leaf = Number(registers.rax & LOW);
  const hasOsxsave = (registers.cr4 & BigInt(Cpu.CR4_OSXSAVE)) !== 0n;
  const state = { hasOsxsave, xcr0: registers.xcr0 };
  const answer = host.answers.cpuid(host, leaf, Number(registers.rcx & LOW));
  const result = withState(leaf, Number(registers.rcx & LOW), answer, state);
  registers.rax = BigInt(result.eax >>> 0);
  registers.rbx = BigInt(result.ebx >>> 0);
  registers.rcx = BigInt(result.ecx >>> 0);
  registers.rdx = BigInt(result.edx >>> 0);
  host.vcpu.advance();
}

function portAccess(host: Hypervisor, exit: VmExit): void {
  const access = parsePortAccess(exit.info1);
  if (!access) throw new TypeError(`IOIO exit with EXITINFO1 ${exit.info1.toString(16)}`);
  if (access.string) {
    stringAccess(host, access);
    return;
  }
  const { registers } = host.vcpu;
  if (access.input) {
    const value = host.ports.read(access.port, access.size);
    registers.rax = mergeInput(registers.rax, value, access.size);
  } else host.ports.write(access.port, access.size, Number(registers.rax & LOW));
  host.vcpu.advance();
}

function msr(host: Hypervisor, exit: VmExit): void {
  const { registers } = host.vcpu;
  const number = Number(registers.rcx & LOW);
  if (exit.info1 !== 0n) {
    const value = BigInt.asUintN(64, (registers.rdx << 32n) | (registers.rax & LOW));
    if (!host.answers.writeMsr(host, number, value)) {
      host.vcpu.injectException(Cpu.VECTOR_GP, 0);
      return;
    }
  } else {
    const value = host.answers.readMsr(host, number);
    if (value === undefined) {
      host.vcpu.injectException(Cpu.VECTOR_GP, 0);
      return;
    }
    registers.rax = value & LOW;
    registers.rdx = value >> 32n;
  }
  host.vcpu.advance();
}

function hypercall(host: Hypervisor): void {
  host.vcpu.registers.rax = NO_SUCH_CALL;
  host.vcpu.advance();
}

function setXcr0(host: Hypervisor): void {
  const { registers } = host.vcpu;
  const value = (registers.rdx << 32n) | (registers.rax & LOW);
  const wanted = (registers.rcx & LOW) === 0n && (value & 1n) === 1n;
  const isAvxAlone = (value & (XCR0_SSE | XCR0_AVX)) === XCR0_AVX;
  if (!wanted || isAvxAlone || (value & ~XCR0_ALLOWED) !== 0n) {
    host.vcpu.injectException(Cpu.VECTOR_GP, 0);
    return;
  }
  registers.xcr0 = value;
  host.vcpu.advance();
}

/** Bits 11:0 of the GHCB MSR tell the two protocols apart. GHCB §2.3. */
function vmgexit(host: Hypervisor): void {
  const request = host.vcpu.ghcb;
  const info = Number(request & BigInt(INFO_MASK));
  if (info === 0) {
    answerGhcbPage(host);
    return;
  }
  host.noteRequest(request);
  const answer = host.answers.requests.get(info)?.(host, request);
  if (answer !== undefined) host.vcpu.ghcb = BigInt.asUintN(64, answer);
}
