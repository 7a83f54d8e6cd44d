import { Assembler } from '../tools/compiler/x86/assembler.ts';
import { type Core, type CoreOptions, createCore, type RmpEntry } from '../tools/emulator/core.ts';

/** Where the parts of a test program lie, in guest physical and, identity mapped, linear memory. */
export const PLACE = {
  pml4: 0x1000,
  pdpt: 0x2000,
  directory: 0x3000,
  gdt: 0x4000,
  idt: 0x5000,
  tss: 0x6000,
  /** A page table that a test may hang into the directory. */
  table: 0x7000,
  stack: 0xa000,
  istStack: 0xc000,
  userStack: 0xe000,
  code: 0x1_0000,
  handlers: 0x1_8000,
  data: 0x2_0000,
} as const;

export const SELECTOR = {
  code64: 0x08,
  data: 0x10,
  code32: 0x18,
  userData: 0x23,
  userCode64: 0x2b,
  tss: 0x30,
} as const;

const FRAMES = 2048;

/** Descriptors of the selectors above. APM2 §4.7, §4.8. */
const GDT = [
  0n,
  0x00af_9b00_0000_ffffn,
  0x00cf_9300_0000_ffffn,
  0x00cf_9b00_0000_ffffn,
  0x00cf_f300_0000_ffffn,
  0x00af_fb00_0000_ffffn,
  // A 64-bit TSS is two entries wide.
  0x0000_8b00_0000_0067n | (BigInt(PLACE.tss) << 16n),
  0n,
];

type Emit = (asm: Assembler) => void;

/** How far the guest's memory and state are protected. */
export type Protection = 'none' | 'sev' | 'sev-es' | 'snp';

/** The guest's number, and so its key's. */
export const ASID = 1;
export const C_BIT = 1n << 51n;

export interface Program {
  readonly core: Core;
  /** Runs until the exit, for at most `limit` instructions. */
  run(limit?: number): number;
  read64(address: number): bigint;
  write64(address: number, value: bigint): void;
  /** Puts code at an address. */
  place(address: number, emit: Emit, mode?: 32 | 64): void;
  /** A gate of the 64-bit IDT to a handler. */
  gate(vector: number, handler: number, ist?: number, type?: number): void;
  /** A 32-bit interrupt gate. */
  gate32(vector: number, handler: number): void;
}

/**
 * A core with 8 MiB of memory, identity mapped in 2 MiB pages, in 64-bit mode at CPL 0. Where memory is
 * encrypted all of it is private; under SNP all of it is the guest's and validated.
 */
export function longModeProgram(
  emit: Emit,
  options: Partial<CoreOptions> = {},
  protection: Protection = 'none',
): Program {
  const program = bare(options, protection);
  const { core } = program;
  const c = protection === 'none' ? 0n : C_BIT;
  program.write64(PLACE.pml4, BigInt(PLACE.pdpt) | 7n | c);
  program.write64(PLACE.pdpt, BigInt(PLACE.directory) | 7n | c);
  for (let i = 0; i < 4; i++) program.write64(PLACE.directory + 8 * i, BigInt(i << 21) | 0x87n | c);
  const { state } = core;
  state.cr0 = 0x8001_0031n;
  state.cr3 = BigInt(PLACE.pml4);
  state.cr4 = 0x620n;
  state.efer = 0xd01n;
  setSegment(state.cs, SELECTOR.code64, 0xa9b);
  for (const name of ['ds', 'es', 'ss'] as const) setSegment(state[name], SELECTOR.data, 0xc93);
  state.rsp = BigInt(PLACE.stack);
  state.rip = BigInt(PLACE.code);
  program.place(PLACE.code, emit);
  return program;
}

/** The same in 32-bit protected mode without paging, flat. */
export function protectedModeProgram(emit: Emit, options: Partial<CoreOptions> = {}): Program {
  const program = bare(options, 'none');
  const { state } = program.core;
  state.cr0 = 0x31n;
  setSegment(state.cs, SELECTOR.code32, 0xc9b);
  for (const name of ['ds', 'es', 'ss'] as const) setSegment(state[name], SELECTOR.data, 0xc93);
  state.rsp = BigInt(PLACE.stack);
  state.rip = BigInt(PLACE.code);
  program.place(PLACE.code, emit, 32);
  return program;
}

interface SegmentView {
  selector: number;
  attributes: number;
  limit: number;
  base: bigint;
}

export function setSegment(segment: SegmentView, selector: number, attributes: number): void {
  segment.selector = selector;
  segment.attributes = attributes;
  segment.limit = 0xffff_ffff;
  segment.base = 0n;
}

function bare(options: Partial<CoreOptions>, protection: Protection): Program {
  const core = createCore({ systemFrames: FRAMES, gpaFrames: FRAMES, ...options });
  core.npt.map(0, 0, FRAMES);
  const key = protection === 'none' ? 0 : ASID;
  if (key !== 0) protect(core, protection);
  const { state } = core;
  state.gdtr.base = BigInt(PLACE.gdt);
  state.gdtr.limit = GDT.length * 8 - 1;
  state.idtr.base = BigInt(PLACE.idt);
  state.idtr.limit = 0xfff;
  state.tr.selector = SELECTOR.tss;
  state.tr.attributes = 0x8b;
  state.tr.limit = 0x67;
  state.tr.base = BigInt(PLACE.tss);
  state.mxcsr = 0x1f80;
  const program: Program = {
    core,
    run: (limit = 100_000) => core.run(limit),
    read64: (address) => {
      const bytes = core.read(address, 8, key);
      return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    },
    write64: (address, value) => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, value, true);
      core.write(address, bytes, key);
    },
    place: (address, emit, mode = 64) => {
      const asm = new Assembler(mode);
      emit(asm);
      core.write(address, asm.finish(), key);
    },
    gate: (vector, handler, ist = 0, type = 0x8e) => {
      const low =
        BigInt(handler & 0xffff) |
        (BigInt(SELECTOR.code64) << 16n) |
        (BigInt(ist) << 32n) |
        (BigInt(type) << 40n) |
        (BigInt(handler >>> 16) << 48n);
      program.write64(PLACE.idt + vector * 16, low);
      program.write64(PLACE.idt + vector * 16 + 8, 0n);
    },
    gate32: (vector, handler) => {
      const low =
        BigInt(handler & 0xffff) |
        (BigInt(SELECTOR.code32) << 16n) |
        (0x8en << 40n) |
        (BigInt(handler >>> 16) << 48n);
      program.write64(PLACE.idt + vector * 8, low);
    },
  };
  GDT.forEach((descriptor, i) => {
    program.write64(PLACE.gdt + 8 * i, descriptor);
  });
  return program;
}

function protect(core: Core, protection: Protection): void {
  const { control, state } = core;
  core.setKey(ASID, new Uint8Array(16).fill(0x5a), new Uint8Array(16).fill(0xc3));
  control.asid = ASID;
  control.sev = 1;
  control.sevEs = protection === 'sev' ? 0 : 1;
  control.snp = protection === 'snp' ? 1 : 0;
  state.sevStatus = { none: 0n, sev: 1n, 'sev-es': 3n, snp: 7n }[protection];
  if (protection !== 'snp') return;
  for (let frame = 0; frame < FRAMES; frame++) core.frames.setRmp(frame, guestPage(frame));
}

/** The RMP entry of a validated page of the guest's. */
export function guestPage(gfn: number): RmpEntry {
  return {
    assigned: true,
    huge: false,
    immutable: false,
    gfn,
    asid: ASID,
    vmsa: false,
    validated: true,
    permissions: [15, 0, 0, 0],
  };
}
