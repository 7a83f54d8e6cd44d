import { Assembler } from '../../compiler/x86/assembler.ts';
import {
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  mem,
  NONE,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSP,
} from '../../compiler/x86/operand.ts';
import { PROGRAMS } from './programs.ts';

/** Where the 32-bit entry is loaded: right behind the boot sector. */
export const ENTRY = 0x7e00;
/** Descriptors within the boot sector: 32-bit code, data, 64-bit code. */
export const GDT = 0x7c80;
export const GDT_LIMIT = 0x1f;
export const CODE32 = 0x08;
export const DATA = 0x10;
const CODE64 = 0x18;

const SECTOR = 512;
/** As many as one BIOS call reads: the rest of the first track. */
const SECTORS = 17;
const FLOPPY = 1_474_560;

const TABLES = 0x6_0000;
const STACK = 0x5_f000;
const SERIAL = 0x3f8;

/** Offset of the 64-bit code from the 32-bit entry. */
const LONG_MODE = 0x100;

/** Debug-exit port of QEMU's isa-debug-exit; elsewhere a write that nobody hears. */
const EXIT_PORT = 0xf4;

/**
 * A floppy disk that boots the programs in Bochs, QEMU and, entered behind its boot sector, in our
 * emulator: the same bytes everywhere. Each program writes `<A` on the serial port, runs, and writes
 * `>` with its checksum.
 */
export function benchImage(): Uint8Array {
  const body = programs();
  if (body.length > SECTORS * SECTOR)
    throw new RangeError(`the programs take ${body.length} bytes`);
  const disk = new Uint8Array(FLOPPY);
  disk.set(bootSector());
  disk.set(body, SECTOR);
  return disk;
}

/** 16-bit code, which the assembler does not know: reads the rest, switches to protected mode. */
function bootSector(): Uint8Array {
  const sector = new Uint8Array(SECTOR);
  const gdtr = GDT - 0x7c00 - 6;
  // biome-ignore format: an instruction a line
  sector.set([
    0xfa,                                 // cli
    0x31, 0xc0,                           // xor ax, ax
    0x8e, 0xd8,                           // mov ds, ax
    0x8e, 0xc0,                           // mov es, ax
    0x8e, 0xd0,                           // mov ss, ax
    0xbc, 0x00, 0x7c,                     // mov sp, 7c00h
    0xb8, SECTORS, 0x02,                  // mov ax, 0200h + sectors
    0xb9, 0x02, 0x00,                     // mov cx, 2: from the second sector on
    0x30, 0xf6,                           // xor dh, dh
    0xbb, ENTRY & 0xff, ENTRY >> 8,       // mov bx, entry
    0xcd, 0x13,                           // int 13h
    0x72, 0xfe,                           // jc $
    0xe4, 0x92,                           // in al, 92h
    0x0c, 0x02,                           // or al, 2: A20
    0xe6, 0x92,                           // out 92h, al
    0x0f, 0x01, 0x16, gdtr & 0xff, 0x7c,  // lgdt [gdtr]
    0x0f, 0x20, 0xc0,                     // mov eax, cr0
    0x0c, 0x01,                           // or al, 1
    0x0f, 0x22, 0xc0,                     // mov cr0, eax
    0x66, 0xea, ENTRY & 0xff, ENTRY >> 8, 0, 0, CODE32, 0, // jmp far
  ]);
  const view = new DataView(sector.buffer);
  view.setUint16(gdtr, GDT_LIMIT, true);
  view.setUint32(gdtr + 2, GDT, true);
  view.setBigUint64(GDT - 0x7c00 + CODE32, 0x00cf_9b00_0000_ffffn, true);
  view.setBigUint64(GDT - 0x7c00 + DATA, 0x00cf_9300_0000_ffffn, true);
  view.setBigUint64(GDT - 0x7c00 + CODE64, 0x00af_9b00_0000_ffffn, true);
  view.setUint16(510, 0xaa55, true);
  return sector;
}

function programs(): Uint8Array {
  const asm = new Assembler(32);
  const long = enterLongMode(asm);
  asm.mode = 64;
  asm.align(16);
  const at = ENTRY + asm.size;
  if (at !== long) throw new RangeError(`64-bit code at ${at.toString(16)}`);
  asm.op('mov r32, imm32', RSP, STACK);
  // Eight data bits: a 16550 starts with five.
  asm.op('mov r32, imm32', RDX, SERIAL + 3);
  asm.op('mov r8, imm8', RAX, 3);
  asm.op('out dx, al');
  for (const { letter, emit } of PROGRAMS) {
    say(asm, '<');
    say(asm, letter);
    emit(asm);
    asm.op('mov r32, r/m32', RBX, RAX);
    say(asm, '>');
    sayHex(asm);
    say(asm, '\n');
  }
  asm.op('xor r/m32, r32', RAX, RAX);
  asm.op('out imm8, al', EXIT_PORT);
  asm.op('cli');
  asm.op('hlt');
  return asm.finish();
}

/** 4 KiB pages for the first 16 MiB, then 64-bit mode; gives the address of what follows. */
function enterLongMode(asm: Assembler): number {
  const follows = ENTRY + LONG_MODE;
  asm.op('mov r32, imm32', EAX, DATA);
  for (const segment of [3, 0, 2]) asm.op('mov sreg, r32/m16', segment, EAX);
  asm.op('mov r32, imm32', EDI, TABLES);
  asm.op('mov r32, imm32', ECX, 0x3000 / 4);
  asm.op('xor r/m32, r32', EAX, EAX);
  asm.bytes([0xf3]);
  asm.op('stosd');
  asm.op('mov r32, imm32', EDI, TABLES);
  asm.op('mov r/m32, imm32', mem(EDI), TABLES + 0x1003);
  asm.op('mov r/m32, imm32', mem(EDI, 0x1000), TABLES + 0x2003);
  for (let i = 0; i < 8; i++) {
    asm.op('mov r/m32, imm32', mem(EDI, 0x2000 + i * 8), TABLES + 0x3003 + i * 0x1000);
  }
  asm.op('mov r32, imm32', EBX, 3);
  asm.op('mov r32, imm32', EDI, TABLES + 0x3000);
  const entry = asm.label();
  asm.bind(entry);
  asm.op('mov r/m32, r32', mem(EDI), EBX);
  asm.op('mov r/m32, imm32', mem(EDI, 4), 0);
  asm.op('add r/m32, imm32', EBX, 0x1000);
  asm.op('add r/m32, simm8', EDI, 8);
  asm.op('cmp r/m32, imm32', EDI, TABLES + 0xb000);
  asm.op('jb rel32', entry);
  asm.op('mov r32, imm32', EAX, 0x20);
  asm.op('mov cr, r32', 4, EAX);
  asm.op('mov r32, imm32', EAX, TABLES);
  asm.op('mov cr, r32', 3, EAX);
  asm.op('mov r32, imm32', ECX, 0xc000_0080);
  asm.op('xor r/m32, r32', EDX, EDX);
  asm.op('mov r32, imm32', EAX, 0x100);
  asm.op('wrmsr');
  asm.op('mov r32, imm32', EAX, 0x8000_0001);
  asm.op('mov cr, r32', 0, EAX);
  asm.op('jmp ptr16:32', follows, CODE64);
  while (asm.size < LONG_MODE) asm.bytes([0x90]);
  return follows;
}

/** Writes one character on the serial port. */
function say(asm: Assembler, character: string): void {
  sayByte(asm, () => asm.op('mov r8, imm8', RAX, character.charCodeAt(0)));
}

function sayByte(asm: Assembler, load: () => void): void {
  const wait = asm.label();
  asm.op('mov r32, imm32', RDX, SERIAL + 5);
  asm.bind(wait);
  asm.op('in al, dx');
  asm.op('test al, imm8', 0x20);
  asm.op('je rel32', wait);
  asm.op('mov r32, imm32', RDX, SERIAL);
  load();
  asm.op('out dx, al');
}

/** Writes EBX in hexadecimal. */
function sayHex(asm: Assembler): void {
  const digits = asm.label();
  const next = asm.label();
  const over = asm.label();
  asm.op('mov r32, imm32', RCX, 8);
  asm.op('jmp rel32', over);
  asm.bind(digits);
  asm.bytes(new TextEncoder().encode('0123456789abcdef'));
  asm.bind(over);
  asm.bind(next);
  asm.op('rol r/m32, imm8', RBX, 4);
  asm.op('lea r64, m', RDI, { ...mem(NONE), relative: true, label: digits });
  sayByte(asm, () => {
    asm.op('mov r32, r/m32', RAX, RBX);
    asm.op('and r/m32, simm8', RAX, 15);
    asm.op('movzx r32, r/m8', RAX, { ...mem(RDI), index: RAX });
  });
  asm.op('dec r/m32', RCX);
  asm.op('jne rel32', next);
}
