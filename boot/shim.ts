import { ENTRY_IGVM, ENTRY_PVH } from '../spec/abi/platform.ts';
import * as Cpu from '../spec/cpu.ts';
import {
  absolute,
  DS,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  ES,
  ESP,
  FS,
  GS,
  type Label,
  mem,
  RAX,
  RSP,
  relative,
  SS,
  symbol,
} from '../tools/compiler/x86/operand.ts';
import { Code32, place, record } from './code32.ts';
import { assembleCpuid } from './cpuid.ts';
import { assembleHandlers, assembleIdt32, IDT32_LIMIT } from './exceptions32.ts';
import { assembleDie } from './failure.ts';
import { assembleFeatureCheck, type CpuLevel } from './features.ts';
import {
  PAGE_SIZE,
  SELECTOR_CODE32,
  SELECTOR_CODE64,
  SELECTOR_DATA,
  SELECTOR_TSS,
} from './memory-map.ts';
import { type BootObject, bootObject } from './object.ts';
import { assembleCBits, assemblePagingOn } from './paging.ts';
import { assemblePlatform } from './platform.ts';
import { assembleRandom } from './random.ts';

/** Flat segments with the accessed bit set: nothing has to be written. APM2 §4.7, §4.8. */
const DESCRIPTORS: readonly (readonly [selector: number, descriptor: bigint])[] = [
  [0, 0n],
  [SELECTOR_CODE64, 0x00af_9b00_0000_ffffn],
  [SELECTOR_DATA, 0x00cf_9300_0000_ffffn],
  [SELECTOR_CODE32, 0x00cf_9b00_0000_ffffn],
];

/** All exceptions masked, round to nearest. APM1 §4.2.2. */
const MXCSR = 0x1f80;
/** x87, SSE and AVX state. APM2 §11.5.2. */
const XCR0_AVX = 7;

/**
 * From the first instruction to the kernel's `main`. Runs at boot/memory-map.ts's SHIM:
 *
 *     boot!pvh    PVH's entry: EBX is start_info's address         (spec/abi/platform.ts ENTRY_PVH)
 *     boot!igvm   entry of VMSAs and native contexts of IGVM files (ENTRY_IGVM)
 *
 * Both expect 32-bit protected mode with flat segments and no paging, interrupts off, and nothing else:
 * no stack, no tables. `cpu` is the level that the image's code was compiled for.
 */
export function shim({ cpu }: { readonly cpu: CpuLevel }): BootObject {
  const asm = new Code32();
  const pvh = asm.label();
  const igvm = asm.label();
  const start = asm.label();
  const long = asm.label();
  const gdtPointer = asm.label();
  const idtPointer = asm.label();

  asm.bind(pvh);
  asm.op('mov r32, imm32', EDI, ENTRY_PVH);
  asm.op('jmp rel32', start);
  asm.align(16);
  asm.bind(igvm);
  asm.op('mov r32, imm32', EDI, ENTRY_IGVM);
  asm.op('xor r32, r/m32', EBX, EBX); // no start_info

  asm.bind(start);
  assembleStart(asm, gdtPointer, idtPointer);
  assemblePlatform(asm);
  assembleFeatureCheck(asm, cpu);
  assembleCBits(asm);
  assemblePagingOn(asm);
  asm.op('jmp ptr16:32', asm.self(long), SELECTOR_CODE64);
  asm.mode = 64;
  asm.bind(long);
  assembleLong(asm, cpu);
  asm.mode = 32;

  assembleDie(asm);
  assembleCpuid(asm);
  assembleRandom(asm);
  const handlers = assembleHandlers(asm);

  const scratch = assembleTables(asm, gdtPointer, idtPointer, () => assembleIdt32(asm, handlers));
  return bootObject(
    asm,
    [
      { name: 'boot!pvh', label: pvh, kind: 'function' },
      { name: 'boot!igvm', label: igvm, kind: 'function' },
      { name: 'boot!scratch', label: scratch, kind: 'object' },
      ...asm.named,
    ],
    PAGE_SIZE,
  );
}

/** Segments, stack and exception handlers of our own: nothing before this can be relied on. */
function assembleStart(asm: Code32, gdtPointer: Label, idtPointer: Label): void {
  const flat = asm.label();
  asm.op('cli');
  asm.op('lgdt m16&32', absolute(asm.self(gdtPointer)));
  asm.op('jmp ptr16:32', asm.self(flat), SELECTOR_CODE32);
  asm.bind(flat);
  asm.op('mov r32, imm32', EAX, SELECTOR_DATA);
  for (const segment of [DS, ES, SS, FS, GS]) asm.op('mov sreg, r32/m16', segment, EAX);
  asm.op('mov r32, imm32', ESP, place('image.stack')); // without paging this memory is private
  asm.op('lidt m16&32', absolute(asm.self(idtPointer))); // before the first CPUID or RDMSR
  asm.op('xor r32, r/m32', EBP, EBP); // no exception is expected
  asm.op('push simm8', Cpu.RFLAGS_FIXED);
  asm.op('popf'); // direction up, no traps, no nested task, no alignment checks
  asm.op('mov r/m32, r32', record('entry'), EDI);
  asm.op('mov r/m32, r32', record('startInfo'), EBX);
}

/** The kernel's own descriptor tables, stack, task and floating-point state; then the kernel. */
function assembleLong(asm: Code32, cpu: CpuLevel): void {
  const mxcsr = asm.label();
  const code = asm.label();
  asm.op('jmp rel8', code);
  asm.bind(mxcsr);
  asm.u32(MXCSR);
  asm.bind(code);
  asm.op('mov r64, imm64', RAX, symbol('image.gdtr'));
  asm.op('lgdt m16&64', mem(RAX)); // CS stays: both tables have the same segments
  asm.op('mov r32, imm32', EAX, SELECTOR_DATA);
  for (const segment of [DS, ES, SS]) asm.op('mov sreg, r32/m16', segment, EAX);
  asm.op('mov r64, imm64', RSP, symbol('image.stack'));
  asm.op('xor r32, r/m32', EAX, EAX);
  asm.op('lldt r/m16', EAX); // no local descriptors
  asm.op('mov r32, imm32', EAX, SELECTOR_TSS);
  asm.op('ltr r/m16', EAX);
  asm.op('mov r64, imm64', RAX, symbol('image.idtr'));
  asm.op('lidt m16&64', mem(RAX)); // last: from here on an exception is the kernel's
  if (cpu === 'x86-64-v3') {
    asm.op('mov r64, cr', RAX, 4);
    asm.op('or r/m64, simm32', RAX, Cpu.CR4_OSXSAVE);
    asm.op('mov cr, r64', 4, RAX);
    asm.op('xor r32, r/m32', ECX, ECX);
    asm.op('xor r32, r/m32', EDX, EDX);
    asm.op('mov r32, imm32', EAX, XCR0_AVX);
    asm.op('xsetbv'); // AVX instructions raise #UD until XCR0 has them
  }
  asm.op('fninit'); // a VMSA's FCW and MXCSR are whatever its VMM thought good
  asm.op('ldmxcsr m32', relative(mxcsr));
  asm.op('mov r64, imm64', RAX, symbol('kernel.main'));
  asm.op('call r/m64', RAX);
  asm.op('ud2'); // main does not return
}

/** The shim's GDT, IDT and their pointers; returns the label of the scratch bytes. */
function assembleTables(
  asm: Code32,
  gdtPointer: Label,
  idtPointer: Label,
  idtEntries: () => void,
): Label {
  const gdt = asm.label();
  const idt = asm.label();
  const scratch = asm.label();
  asm.align(16);
  asm.bind(gdt);
  for (const [, descriptor] of DESCRIPTORS.toSorted(([a], [b]) => a - b)) asm.u64(descriptor);
  asm.bind(idt);
  idtEntries();
  asm.bind(gdtPointer);
  asm.u16(DESCRIPTORS.length * 8 - 1);
  pointer(asm, gdt);
  asm.bind(idtPointer);
  asm.u16(IDT32_LIMIT);
  pointer(asm, idt);
  asm.align(16);
  asm.bind(scratch);
  asm.bytes(new Uint8Array(16));
  return scratch;
}

/** The address of a label, in 32 bits. */
function pointer(asm: Code32, to: Label): void {
  const { symbol: name, addend } = asm.self(to);
  asm.address('abs32', name, addend);
}
