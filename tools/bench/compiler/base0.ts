import { compile } from '../../compiler/compile.ts';
import { type Linkable, place, relocate, symbolTable } from '../../compiler/link-sections.ts';
import { type Segment, writeElf } from '../../compiler/linux/elf.ts';
import { typeNumbers, type WasmObject } from '../../compiler/object.ts';
import { Assembler } from '../../compiler/x86/assembler.ts';
import { mem, RAX, RDI, RDX, RSI, RSP } from '../../compiler/x86/operand.ts';
import { STATIC_DATA } from './workloads.ts';

const PAGE = 4096;
/** Above what a workload's heap grows to, and in the lower 2 GiB, where objects must lie. */
const TEXT = 0x7000_0000;
const MEMORY_END = 0x1000_0000;
/** The heap of AssemblyScript writes its end mark there: a kernel's memory is 4 GiB. */
const LAST_PAGE = 0xffff_f000;

/** linux/arch/x86/entry/syscalls/syscall_64.tbl. */
const READ = 0;
const WRITE = 1;
const EXIT = 60;

/** A module in the kernel's form: its linear memory is at address 0, no register holds its base. */
export function compileBase0(wasm: Uint8Array): WasmObject {
  return compile(wasm, {
    instance: 'main',
    mode: 'base0',
    cpu: 'x86-64-v3',
    bind: () => undefined,
  });
}

/** A bare executable around it that answers calls of `run` by worker.ts's binary protocol. */
export function base0Executable(object: WasmObject): Uint8Array {
  const loop = callLoop(object);
  const parts: readonly Linkable[] = [object, loop];
  const text = place('text', parts, BigInt(TEXT));
  const rodata = place('rodata', parts, pageAfter(text));
  const data = place('data', parts, pageAfter(rodata));
  const placements = { text, rodata, data };
  const types = [...typeNumbers([object])].map(([name, n]) => [name, BigInt(n)] as const);
  const symbols = symbolTable(placements, parts, new Map(types));
  relocate(placements, parts, symbols);
  const segments: Segment[] = [
    linearMemory(object),
    { name: '.last', address: LAST_PAGE, bytes: new Uint8Array(), memorySize: PAGE, access: 'rw' },
    segment('.text', text, 'rx'),
    segment('.rodata', rodata, 'r'),
    segment('.data', data, 'rw'),
  ];
  return writeElf(
    Number(symbols.get('_start')),
    segments.filter(({ memorySize }) => memorySize > 0),
    object.symbols
      .filter(({ kind }) => kind === 'function')
      .map(({ name, size }) => ({ name, address: Number(symbols.get(name)), size })),
  );
}

function linearMemory({ memory }: WasmObject): Segment {
  const contents = memory?.segments ?? [];
  const end = Math.max(STATIC_DATA, ...contents.map(({ offset, bytes }) => offset + bytes.length));
  const bytes = new Uint8Array(end - STATIC_DATA);
  for (const { offset, bytes: part } of contents) bytes.set(part, offset - STATIC_DATA);
  const memorySize = MEMORY_END - STATIC_DATA;
  return { name: '.memory', address: STATIC_DATA, bytes, memorySize, access: 'rw' };
}

function segment(
  name: string,
  { address, bytes }: { address: bigint; bytes: Uint8Array },
  access: Segment['access'],
): Segment {
  return { name, address: Number(address), bytes, memorySize: bytes.length, access };
}

function pageAfter({ address, bytes }: { address: bigint; bytes: Uint8Array }): bigint {
  return BigInt(Math.ceil((Number(address) + bytes.length) / PAGE) * PAGE);
}

/** Reads four bytes, calls `run` with them, writes four: until the pipe is closed. */
function callLoop({ start, exports }: WasmObject): Linkable {
  const run = exports.get('run');
  if (run?.kind !== 'function') throw new TypeError('a workload exports a function run');
  const asm = new Assembler();
  const next = asm.label();
  const end = asm.label();
  asm.op('sub r/m64, simm8', RSP, 16);
  if (start) asm.call(start);
  asm.bind(next);
  transfer(asm, READ, 0);
  asm.op('cmp r/m64, simm8', RAX, 4);
  asm.op('jne rel32', end);
  asm.op('mov r32, r/m32', RDI, mem(RSP));
  asm.call(run.symbol);
  asm.op('mov r/m32, r32', mem(RSP), RAX);
  transfer(asm, WRITE, 1);
  asm.op('jmp rel32', next);
  asm.bind(end);
  asm.op('mov r32, imm32', RAX, EXIT);
  asm.op('xor r32, r/m32', RDI, RDI);
  asm.op('syscall');
  const bytes = asm.finish();
  return {
    sections: { text: { bytes, align: 16 } },
    symbols: [{ name: '_start', section: 'text', offset: 0, size: bytes.length, kind: 'function' }],
    relocations: asm.relocations.map((relocation) => ({ section: 'text', ...relocation })),
  };
}

/** read or write of the four bytes at RSP. */
function transfer(asm: Assembler, number: number, descriptor: number): void {
  asm.op('mov r32, imm32', RAX, number);
  asm.op('mov r32, imm32', RDI, descriptor);
  asm.op('mov r64, r/m64', RSI, RSP);
  asm.op('mov r32, imm32', RDX, 4);
  asm.op('syscall');
}
