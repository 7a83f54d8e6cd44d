import { PLATFORM_SEV_ES } from '../spec/abi/platform.ts';
import * as Termination from '../spec/abi/termination.ts';
import * as GhcbMsr from '../spec/ghcb-msr.ts';
import { CpuidFunction, CpuidPage } from '../spec/layouts/cpuid-page.ts';
import * as Msr from '../spec/msr.ts';
import { absolute, EAX, EBX, ECX, EDI, EDX, ESI, mem } from '../tools/compiler/x86/operand.ts';
import { type Code32, record } from './code32.ts';
import { CPUID_PAGE } from './memory-map.ts';

/** The registers' numbers in the GHCB MSR protocol, in the order in which they are asked for. */
const REGISTERS = [0, 1, 2, 3];
/** The only leaf we ask for whose answer depends on ECX. */
const FEATURES_LEAF = 7;

/**
 * `call cpuid`: leaf in EAX (sub-leaf 0), answer in EAX EBX ECX EDX; keeps ESI, EDI, EBP. By
 * record.platform: the instruction; under SEV-ES, where it would raise #VC, the GHCB MSR protocol; under
 * SNP the page that the AMD-SP filled, in which a leaf that is absent reads as zeros.
 */
export function assembleCpuid(asm: Code32): void {
  const protocol = asm.label();
  const page = asm.label();
  asm.bind(asm.cpuid);
  asm.op('cmp r/m32, imm32', record('platform'), PLATFORM_SEV_ES);
  asm.op('je rel32', protocol);
  asm.op('ja rel32', page);
  asm.op('xor r32, r/m32', ECX, ECX);
  asm.op('cpuid');
  asm.op('ret');

  asm.bind(protocol);
  byProtocol(asm);
  asm.bind(page);
  byPage(asm);
}

/** GHCB §2.3.1: one request a register. */
function byProtocol(asm: Code32): void {
  asm.op('push r32', ESI);
  asm.op('mov r32, r/m32', ESI, EAX); // the leaf
  for (const register of REGISTERS) {
    const number = (register << 30) >>> 0;
    asm.op('mov r32, imm32', EAX, number + GhcbMsr.CPUID_REQUEST);
    asm.op('mov r32, r/m32', EDX, ESI);
    asm.op('mov r32, imm32', ECX, Msr.GHCB);
    asm.op('wrmsr');
    asm.op('vmgexit');
    asm.op('rdmsr');
    asm.op('cmp eax, imm32', number + GhcbMsr.CPUID_RESPONSE);
    asm.require('e', Termination.GHCB_MSR_ANSWER);
    asm.op('push r32', EDX); // the register's value
  }
  for (const register of [EDX, ECX, EBX, EAX, ESI]) asm.op('pop r32', register);
  asm.op('ret');
}

/** SNP §7.1: a list of functions, in no promised order. */
function byPage(asm: Code32): void {
  const { count, functions } = CpuidPage.fields;
  const entry = CpuidFunction.fields;
  const next = asm.label();
  const found = asm.label();
  const absent = asm.label();
  const scan = asm.label();
  asm.op('push r32', ESI);
  asm.op('push r32', EDI);
  asm.op('mov r32, r/m32', EDI, absolute(CPUID_PAGE + count.offset));
  asm.op('mov r32, imm32', ESI, CPUID_PAGE + functions.offset);
  asm.op('cmp r/m32, simm8', EDI, functions.count);
  asm.require('be', Termination.CPUID_PAGE_BAD); // more than fit in the page

  asm.bind(scan);
  asm.op('sub r/m32, simm8', EDI, 1);
  asm.op('jb rel8', absent);
  asm.op('cmp r32, r/m32', EAX, mem(ESI, entry.eaxIn.offset));
  asm.op('jne rel8', next);
  asm.op('cmp r/m32, simm8', EAX, FEATURES_LEAF);
  asm.op('jne rel8', found);
  asm.op('cmp r/m32, simm8', mem(ESI, entry.ecxIn.offset), 0); // the sub-leaf counts here
  asm.op('je rel8', found);
  asm.bind(next);
  asm.op('add r/m32, simm8', ESI, CpuidFunction.size);
  asm.op('jmp rel8', scan);

  asm.bind(absent);
  for (const register of [EAX, EBX, ECX, EDX]) asm.op('xor r32, r/m32', register, register);
  asm.op('pop r32', EDI);
  asm.op('pop r32', ESI);
  asm.op('ret');

  asm.bind(found);
  asm.op('mov r32, r/m32', EAX, mem(ESI, entry.eax.offset));
  asm.op('mov r32, r/m32', EBX, mem(ESI, entry.ebx.offset));
  asm.op('mov r32, r/m32', ECX, mem(ESI, entry.ecx.offset));
  asm.op('mov r32, r/m32', EDX, mem(ESI, entry.edx.offset));
  asm.op('pop r32', EDI);
  asm.op('pop r32', ESI);
  asm.op('ret');
}
