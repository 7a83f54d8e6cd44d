import {
  PLATFORM_NONE,
  PLATFORM_SEV,
  PLATFORM_SEV_ES,
  PLATFORM_SNP,
} from '../spec/abi/platform.ts';
import * as Termination from '../spec/abi/termination.ts';
import { VECTOR_GP } from '../spec/cpu.ts';
import * as Cpuid from '../spec/cpuid.ts';
import * as GhcbMsr from '../spec/ghcb-msr.ts';
import * as Msr from '../spec/msr.ts';
import * as SevStatus from '../spec/sev-status.ts';
import { EAX, EBP, EBX, ECX, EDX, type Label } from '../tools/compiler/x86/operand.ts';
import { type Code32, record } from './code32.ts';

/** The levels, as SEV_STATUS shows them: each one includes those below it. */
const SEV = SevStatus.SEV;
const SEV_ES = SevStatus.SEV | SevStatus.SEV_ES;
const SNP = SevStatus.SEV | SevStatus.SEV_ES | SevStatus.SNP;

/** Bits of SEV_INFO's answer that do not vary: its name, and zeros above it. GHCB §2.3.1. */
const SEV_INFO_FIXED = 0xff_ffff;
const SEV_INFO_C_BIT_SHIFT = 24;

/** Where a C-bit can be: an address bit in the high half of an entry, where the shim sets it. */
const LOWEST_C_BIT = 32;
const HIGHEST_C_BIT = 51;

/**
 * Tells none, SEV, SEV-ES and SNP apart and finds the place of the C-bit: record.platform, sevStatus,
 * ghcbMsr and cBit. SEV_STATUS decides, which no host can intercept in an encrypted guest; a CPU without
 * that register answers with #GP. A host may still deceive, about `none` by injecting that #GP, about
 * the C-bit by its answer: both come to light when paging is turned on (paging.ts). APM2 §15.34.10.
 */
export function assemblePlatform(asm: Code32): void {
  const known = asm.label();
  const [none, sev, es, snp] = [asm.label(), asm.label(), asm.label(), asm.label()];
  readSevStatus(asm);
  asm.op('test r/m32, imm32', EAX, SevStatus.VTOM);
  asm.require('e', Termination.FEATURE_REFUSED); // with vTOM the C-bit means something else
  asm.op('and r/m32, simm8', EAX, SNP);
  for (const [level, label] of [
    [0, none],
    [SEV, sev],
    [SEV_ES, es],
    [SNP, snp],
  ] as const) {
    asm.op('cmp r/m32, simm8', EAX, level);
    asm.op('je rel32', label);
  }
  asm.fail(Termination.PLATFORM_CONTRADICTION); // a level without the one below it

  asm.bind(none);
  asm.op('mov r/m32, imm32', record('platform'), PLATFORM_NONE);
  asm.op('mov r/m32, imm32', record('cBit'), 0);
  asm.op('jmp rel32', known);

  asm.bind(sev);
  asm.op('mov r/m32, imm32', record('platform'), PLATFORM_SEV);
  asm.op('mov r32, imm32', EAX, Cpuid.LEAF_EXTENDED);
  asm.op('call rel32', asm.cpuid);
  asm.op('cmp eax, imm32', Cpuid.LEAF_ENCRYPTED_MEMORY);
  asm.require('ae', Termination.PLATFORM_CONTRADICTION);
  cBitFromCpuid(asm, Cpuid.EAX_SEV);
  asm.op('jmp rel32', known);

  asm.bind(es);
  asm.op('mov r/m32, imm32', record('platform'), PLATFORM_SEV_ES);
  keepGhcbMsr(asm);
  asm.op('mov r32, imm32', EAX, GhcbMsr.SEV_INFO_REQUEST);
  asm.op('xor r32, r/m32', EDX, EDX);
  asm.op('wrmsr'); // ECX is the GHCB MSR still
  asm.op('vmgexit');
  asm.op('rdmsr');
  asm.op('mov r32, r/m32', EBX, EAX);
  asm.op('shr r/m32, imm8', EBX, SEV_INFO_C_BIT_SHIFT);
  asm.op('and r/m32, imm32', EAX, SEV_INFO_FIXED);
  asm.op('cmp eax, imm32', GhcbMsr.SEV_INFO_RESPONSE);
  asm.require('e', Termination.GHCB_MSR_ANSWER);
  keepCBit(asm);
  asm.op('jmp rel32', known);

  asm.bind(snp);
  asm.op('mov r/m32, imm32', record('platform'), PLATFORM_SNP);
  keepGhcbMsr(asm);
  cBitFromCpuid(asm, Cpuid.EAX_SEV | Cpuid.EAX_SEV_ES | Cpuid.EAX_SNP);

  asm.bind(known);
}

/** EDX:EAX and record.sevStatus become SEV_STATUS, or zero where there is no such register. */
function readSevStatus(asm: Code32): void {
  const absent: Label = asm.label();
  const read = asm.label();
  asm.op('mov r32, imm32', EBP, asm.self(absent));
  asm.op('mov r32, imm32', ECX, Msr.SEV_STATUS);
  asm.op('rdmsr');
  asm.op('jmp rel8', read);
  asm.bind(absent);
  asm.op('cmp r/m32, simm8', EAX, VECTOR_GP);
  asm.require('e', Termination.PLATFORM_CONTRADICTION); // #VC: it cannot be intercepted
  asm.op('xor r32, r/m32', EAX, EAX);
  asm.op('xor r32, r/m32', EDX, EDX);
  asm.bind(read);
  asm.op('xor r32, r/m32', EBP, EBP);
  asm.op('mov r/m32, r32', record('sevStatus'), EAX);
  asm.op('mov r/m32, r32', record('sevStatus', 4), EDX);
}

/** The GHCB MSR as the guest found it. Leaves its number in ECX. */
function keepGhcbMsr(asm: Code32): void {
  asm.op('mov r32, imm32', ECX, Msr.GHCB);
  asm.op('rdmsr');
  asm.op('mov r/m32, r32', record('ghcbMsr'), EAX);
  asm.op('mov r/m32, r32', record('ghcbMsr', 4), EDX);
}

/** By CPUID 8000_001Fh, whose EAX must have the bits `promised`. */
function cBitFromCpuid(asm: Code32, promised: number): void {
  asm.op('mov r32, imm32', EAX, Cpuid.LEAF_ENCRYPTED_MEMORY);
  asm.op('call rel32', asm.cpuid);
  asm.op('and r/m32, imm32', EAX, promised);
  asm.op('cmp eax, imm32', promised);
  asm.require('e', Termination.PLATFORM_CONTRADICTION); // or the leaf is absent
  asm.op('and r/m32, simm8', EBX, Cpuid.EBX_C_BIT_MASK);
  keepCBit(asm);
}

/** record.cBit becomes EBX, if that can be one. */
function keepCBit(asm: Code32): void {
  asm.op('cmp r/m32, simm8', EBX, LOWEST_C_BIT);
  asm.require('ae', Termination.C_BIT_WRONG);
  asm.op('cmp r/m32, simm8', EBX, HIGHEST_C_BIT);
  asm.require('be', Termination.C_BIT_WRONG);
  asm.op('mov r/m32, r32', record('cBit'), EBX);
}
