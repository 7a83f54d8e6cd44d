/**
 * Guests of a few instructions for tests of the machine: in 64-bit mode from the first one, with page
 * tables, GDT and IDT that the launch brings along, in any of the four modes.
 */
import * as Ghcb from '../spec/ghcb.ts';
import * as Igvm from '../spec/igvm.ts';
import { type View, view } from '../spec/layout.ts';
import { IgvmNativeContext } from '../spec/layouts/igvm.ts';
import { Vmsa, type VmsaSegment } from '../spec/layouts/vmsa.ts';
import * as Msr from '../spec/msr.ts';
import * as Pte from '../spec/paging.ts';
import { Assembler } from '../tools/compiler/x86/assembler.ts';
import {
  type Label,
  mem,
  R14,
  R15,
  RAX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
} from '../tools/compiler/x86/operand.ts';
import { launchIgvm } from '../tools/emulator/launch/igvm.ts';
import { igvmFile, type TestHeader } from '../tools/emulator/launch/test-images.ts';
import { createMachine, type Machine, type MachineOptions } from '../tools/emulator/machine.ts';
import { encrypted, IGVM_PLATFORM, type Mode, protectedState } from '../tools/emulator/mode.ts';
import type { VmExit } from '../tools/emulator/vcpu/vcpu.ts';

const PAGE = 4096;
const ROOT = 0x1000;
const GDT = 0x6000;
const IDT = 0x7000;
const STACK_TOP = 0x1_0000;
/** Where the guest's code begins. */
export const CODE_GPA = 0x10_0000;
const CODE_PAGES = 2;
const REP = 0xf3;

/** A page that is not part of the launch, for the GHCB. */
export const GHCB_GPA = 0x8000;
/** GPA 0 to 2 MiB once more, at this virtual address, with C=0. Above 4 MiB virtual is physical. */
export const SHARED_VIEW = 0x20_0000;
/** A page in memory that the launch does not touch; its virtual address is the same. */
export const FREE_GPA = 0x40_0000;

const C_BIT = 1n << 51n;

/** Assembles a guest; what every test needs, as methods. */
export class GuestCode {
  readonly asm = new Assembler(64);
  readonly #handlers = new Map<number, () => void>();

  set(register: number, value: number | bigint): void {
    this.asm.op('mov r64, imm64', register, BigInt.asIntN(64, BigInt(value)));
  }

  /** Stores a 64-bit value at a virtual address; RAX and RCX are lost. */
  store(va: number, value: number | bigint): void {
    this.set(RCX, va);
    this.set(RAX, value);
    this.asm.op('mov r/m64, r64', mem(RCX), RAX);
  }

  /** Loads 64 bits from a virtual address; RCX is lost. */
  load(register: number, va: number): void {
    this.set(RCX, va);
    this.asm.op('mov r64, r/m64', register, mem(RCX));
  }

  /** Copies `count` bytes from one virtual address to another; RCX, RSI and RDI are lost. */
  copy(from: number, to: number, count: number): void {
    this.set(RSI, from);
    this.set(RDI, to);
    this.set(RCX, count);
    this.asm.bytes([REP]);
    this.asm.op('movsb');
  }

  /** GHCB MSR protocol: the answer is in EDX:EAX. */
  request(value: bigint): void {
    this.set(RAX, value & 0xffff_ffffn);
    this.set(RDX, value >> 32n);
    this.set(RCX, Msr.GHCB);
    this.asm.op('wrmsr');
    this.asm.op('vmgexit');
    this.asm.op('rdmsr');
  }

  /** Has the page at GHCB_GPA registered and, where it is not the host's at first, shared. */
  registerGhcb(share = false): void {
    const frame = BigInt(GHCB_GPA / PAGE);
    if (share) this.request((2n << 52n) | (frame << 12n) | 0x014n);
    this.request((frame << 12n) | 0x012n);
  }

  /** GHCB page protocol: writes the fields with the valid bits given, and exits. */
  event(fields: Readonly<Record<number, number | bigint>>): void {
    const page = SHARED_VIEW + GHCB_GPA;
    const bitmap = [0n, 0n];
    for (const [name, value] of Object.entries(fields)) {
      const bit = Number(name);
      this.store(page + bit * 8, value);
      bitmap[bit >> 6] = (bitmap[bit >> 6] ?? 0n) | (1n << BigInt(bit & 63));
    }
    this.store(page + 0x3f0, bitmap[0] ?? 0n);
    this.store(page + 0x3f8, bitmap[1] ?? 0n);
    this.set(RAX, GHCB_GPA);
    this.set(RDX, 0);
    this.set(RCX, Msr.GHCB);
    this.asm.op('wrmsr');
    this.asm.op('vmgexit');
  }

  /** PVALIDATE of a 4 KiB page (or 2 MiB), `validate` 1 or 0. */
  pvalidate(va: number, validate = 1, huge = 0): void {
    this.set(RAX, va);
    this.set(RCX, huge);
    this.set(RDX, validate);
    this.asm.op('pvalidate');
  }

  halt(): void {
    this.asm.op('hlt');
  }

  /** Has interrupt `vector` handled by what `build` makes, and returned from. */
  handle(vector: number, build: () => void): void {
    this.#handlers.set(vector, build);
  }

  /** Assembles the handlers; where each begins. */
  finishHandlers(): Map<number, Label> {
    const labels = new Map<number, Label>();
    for (const [vector, build] of this.#handlers) {
      const label = this.asm.label();
      this.asm.bind(label);
      labels.set(vector, label);
      build();
      this.asm.op('iretq');
    }
    return labels;
  }
}

/** Exit code, EXITINFO1 and 2 as fields of an event. */
export function exitFields(code: number, info1: number | bigint = 0, info2: number | bigint = 0) {
  return {
    [Ghcb.VALID_SW_EXITCODE]: code,
    [Ghcb.VALID_SW_EXITINFO1]: info1,
    [Ghcb.VALID_SW_EXITINFO2]: info2,
  };
}

/**
 * A machine with a guest launched in it. An exception halts the guest, with the vector in R15 and what was
 * pushed last (the error code, if there is one) in R14.
 */
export function bootGuest(
  options: MachineOptions,
  build: (guest: GuestCode) => void,
  more?: More,
): Machine {
  const machine = createMachine(options);
  launchIgvm(machine, guestImage(options.mode, build, more));
  return machine;
}

/** What a guest's file has beside the guest. */
export interface More {
  /** Pages by guest address. */
  readonly pages?: ReadonlyMap<number, Uint8Array>;
  /** What its launch must come to: a SNP_ID_BLOCK. */
  readonly identity?: Uint8Array;
}

/** The same guest as an IGVM file. */
export function guestImage(
  mode: Mode,
  build: (guest: GuestCode) => void,
  more: More = {},
): Uint8Array {
  const guest = new GuestCode();
  build(guest);
  guest.halt();
  const handlers = new Map([...exceptionHandlers(guest.asm), ...guest.finishHandlers()]);
  const code = guest.asm.finish();
  const offsets = new Map(
    [...handlers].map(([vector, label]) => [vector, CODE_GPA + guest.asm.offsetOf(label)]),
  );
  return image(mode, code, offsets, more);
}

/** Runs the guest up to an exit with `code`; the hypervisor answers the others. */
export function runUntil(machine: Machine, code: number): VmExit {
  for (let exits = 0; exits < 10_000; exits++) {
    const exit = machine.vcpu.run(1_000_000);
    if (exit.code === code) return exit;
    machine.hypervisor.answer(exit);
    if (machine.hypervisor.ended) break;
  }
  throw new RangeError(`no exit ${code}; ended: ${JSON.stringify(machine.hypervisor.ended)}`);
}

function exceptionHandlers(asm: Assembler): Map<number, Label> {
  const common = asm.label();
  const handlers = Array.from({ length: 32 }, (_, vector) => {
    const label = asm.label();
    asm.bind(label);
    asm.op('push simm8', vector);
    asm.op('jmp rel32', common);
    return label;
  });
  asm.bind(common);
  asm.op('pop r64', R15);
  asm.op('mov r64, r/m64', R14, mem(RSP));
  asm.op('hlt');
  return new Map(handlers.entries());
}

/** The guest as an IGVM file with one platform. */
function image(mode: Mode, code: Uint8Array, handlers: ReadonlyMap<number, number>, more: More) {
  const pages = new Map(more.pages);
  const page = (gpa: number) => {
    const bytes = pages.get(gpa) ?? new Uint8Array(PAGE);
    pages.set(gpa, bytes);
    return new DataView(bytes.buffer);
  };
  fillPageTables(page, encrypted(mode) ? C_BIT : 0n);
  page(GDT).setBigUint64(8, 0x00af_9b00_0000_ffffn, true);
  page(GDT).setBigUint64(16, 0x00cf_9300_0000_ffffn, true);
  for (const [vector, address] of handlers) {
    page(IDT).setUint32(vector * 16, (8 << 16) | (address & 0xffff), true);
    page(IDT).setUint32(vector * 16 + 4, (address & 0xffff_0000) | 0x8e00, true);
  }
  page(STACK_TOP - PAGE);
  if (code.length > CODE_PAGES * PAGE) throw new RangeError('the guest is too long');
  for (let i = 0; i < CODE_PAGES; i++) {
    page(CODE_GPA + i * PAGE);
    pages.get(CODE_GPA + i * PAGE)?.set(code.subarray(i * PAGE, (i + 1) * PAGE));
  }
  const context = protectedState(mode) ? guestVmsa() : nativeContext();
  return file(mode, pages, context, more.identity);
}

function file(
  mode: Mode,
  pages: ReadonlyMap<number, Uint8Array>,
  context: Uint8Array,
  identity: Uint8Array | undefined,
) {
  const block: TestHeader[] = identity
    ? [[Igvm.SNP_ID_BLOCK, ...new Uint32Array(identity.slice().buffer)]]
    : [];
  const es = protectedState(mode);
  const headers = (at: number): TestHeader[] => {
    const gpas = [...pages.keys()];
    const data = gpas.map(
      (gpa, i): TestHeader => [...([Igvm.PAGE_DATA, gpa, 0, 1, at + i * PAGE, 0, 0] as const)],
    );
    const vp = at + gpas.length * PAGE;
    const [low, high] = es ? [0xffff_f000, 0xffff] : [0, 0];
    return [
      [Igvm.SUPPORTED_PLATFORM, 1, 0x0001_0000 | (IGVM_PLATFORM[mode] << 8), 0, 0],
      ...(mode === 'snp' ? [[Igvm.GUEST_POLICY, 0x3_0000, 0, 1, 0] as const] : []),
      ...data,
      ...block,
      [Igvm.VP_CONTEXT, low, high, 1, vp, 0],
    ];
  };
  const content = new Uint8Array(Buffer.concat([...pages.values(), context]));
  const start = igvmFile(headers(0), new Uint8Array(0)).length;
  return igvmFile(headers(start), content);
}

function fillPageTables(page: (gpa: number) => DataView, cBit: bigint): void {
  const present = BigInt(Pte.PRESENT | Pte.WRITABLE);
  const link = (table: number, index: number, to: number, flags: bigint) =>
    page(table).setBigUint64(index * 8, BigInt(to) | present | flags, true);
  link(ROOT, 0, 0x2000, cBit);
  link(0x2000, 0, 0x3000, cBit);
  link(0x3000, 0, 0x4000, cBit);
  link(0x3000, 1, 0x5000, cBit);
  for (let i = 2; i < 512; i++) link(0x3000, i, i * 0x20_0000, cBit | BigInt(Pte.PAGE_SIZE));
  for (let i = 0; i < 512; i++) {
    link(0x4000, i, i * PAGE, cBit);
    link(0x5000, i, i * PAGE, 0n);
  }
}

/** The VMSA that a guest with protected state begins with, before the host has put its features in. */
export function guestVmsa(): Uint8Array {
  const page = new Uint8Array(PAGE);
  const save = view(Vmsa, page);
  const set = (to: View<typeof VmsaSegment>, selector: number, attributes: number) =>
    Object.assign(to, { selector, attributes, limit: 0xffff_ffff });
  set(save.cs, 8, 0xa9b);
  for (const data of [save.ds, save.es, save.ss, save.fs, save.gs]) set(data, 0x10, 0xc93);
  Object.assign(save.gdtr, { base: BigInt(GDT), limit: 0x17 });
  Object.assign(save.idtr, { base: BigInt(IDT), limit: 0xfff });
  Object.assign(save.tr, { attributes: 0x8b, limit: 0x67 });
  Object.assign(save, { cr0: 0x8000_0031n, cr3: BigInt(ROOT), cr4: 0x220n, efer: 0x1d00n });
  Object.assign(save, { rflags: 2n, rip: BigInt(CODE_GPA), rsp: BigInt(STACK_TOP), xcr0: 1n });
  Object.assign(save, { gPat: 0x0007_0406_0007_0406n, dr6: 0xffff_0ff0n, dr7: 0x400n });
  Object.assign(save, { mxcsr: 0x1f80, x87Fcw: 0x37f });
  return page;
}

function nativeContext(): Uint8Array {
  const page = new Uint8Array(PAGE);
  const context = view(IgvmNativeContext, page);
  Object.assign(context, { gdtBase: BigInt(GDT), gdtLimit: 0x17, idtBase: BigInt(IDT) });
  Object.assign(context, { idtLimit: 0xfff, codeSelector: 8, codeAttributes: 0xa09b });
  Object.assign(context, { codeLimit: 0xffff_ffff, dataSelector: 0x10, dataAttributes: 0xc093 });
  Object.assign(context, { dataLimit: 0xffff_ffff, rip: BigInt(CODE_GPA), rsp: BigInt(STACK_TOP) });
  Object.assign(context, { rflags: 2n, cr0: 0x8000_0031n, cr3: BigInt(ROOT), cr4: 0x220n });
  context.efer = 0xd00n;
  return page;
}
