import { MemoryRecord } from '../../spec/abi/handoff.ts';
import {
  type Linkable,
  type Placement,
  place,
  relocate,
  symbolTable,
} from '../compiler/link-sections.ts';
import type { SectionName } from '../compiler/object.ts';
import { Assembler } from '../compiler/x86/assembler.ts';
import type { Label } from '../compiler/x86/operand.ts';
import { checkProgram } from './check.ts';
import {
  type CodeFunction,
  type Compartment,
  Memory,
  type Program,
  type Segment,
} from './program.ts';
import { printViolation } from './report.ts';

const TEXT = 0x1000_0000;
/** Where the symbol `constants` is. */
export const CONSTANTS = 0x1080_0000;
const RECORD = 0x1100_0000;
/** Where the symbol `data` is: behind the sandbox's memory record. */
export const DATA = RECORD + MemoryRecord.size;
/** Some of the run-time's linear memory. */
export const LOW = 0x10_0000;
const LOW_SIZE = 0x100;

/** Entries of tables are aligned by it, and functions. */
const ALIGN = 16;

/** The compartment of functions that are not said to be of another. */
const SANDBOX = 'm';
/** An executable's run-time. */
const RUNTIME = 'runtime';

/** A number of 32 bits, or a symbol's address in 64. */
type Cell = number | string;

export interface Parts {
  /** By name: `f`, or `other!f` of another compartment. */
  readonly functions: Readonly<Record<string, (asm: Assembler) => void>>;
  /** What lies at the symbol `constants`. */
  readonly constants?: readonly Cell[];
  /** What lies at the symbol `data`. */
  readonly data?: readonly Cell[];
  /** Whether there is a manifest, which grants nothing. */
  readonly grantsNothing?: boolean;
}

/** For tests: what is wrong with the code of one function `f` of a sandbox, which `write` writes. */
export function violationsOf(write: (asm: Assembler, done: Label) => void): string[] {
  return violationsIn({ functions: { f: (asm) => withReturn(asm, write) } });
}

/** Code that ends with a return, to which it may jump. */
export function withReturn(asm: Assembler, write: (asm: Assembler, done: Label) => void): void {
  const done = asm.label();
  write(asm, done);
  asm.bind(done);
  asm.op('ret');
}

/** For tests: what is wrong with a program of functions, whose names are symbols, and data. */
export function violationsIn({
  functions,
  constants = [],
  data = [],
  grantsNothing = false,
}: Parts): string[] {
  const code = Object.entries(functions).map(([name, write]) => codeOf(name, write));
  const parts = [
    ...code,
    cells('data', 'record', [0, 0, 0, 0]),
    cells('rodata', 'constants', constants),
    cells('data', 'data', data),
  ];
  const text = place('text', parts, BigInt(TEXT));
  const rodata = place('rodata', parts, BigInt(CONSTANTS));
  const placements = { text, rodata, data: place('data', parts, BigInt(RECORD)) };
  const symbols = symbolTable(placements, parts, new Map());
  relocate(placements, parts, symbols);
  const compartments = new Map<string, Compartment>();
  const placed = code
    .flatMap((part) => part.symbols)
    .map(({ name, size }): CodeFunction => {
      const full = name.includes('!') ? name : `${SANDBOX}!${name}`;
      const owner = full.slice(0, full.indexOf('!'));
      const compartment =
        compartments.get(owner) ?? compartmentOf(owner, compartments.size, grantsNothing);
      compartments.set(owner, compartment);
      const start = Number(symbols.get(name));
      return { name: full, start, end: start + size, compartment };
    });
  const program: Program = {
    kind: 'executable',
    memory: new Memory([
      { start: LOW, size: LOW_SIZE, bytes: new Uint8Array(), writable: true, executable: false },
      { ...segmentOf(text), executable: true },
      segmentOf(rodata),
      { ...segmentOf(placements.data), writable: true },
    ]),
    functions: placed,
    compartments: [...compartments.values()],
    intercepts: new Map(),
    guarded: [],
    shared: new Set(),
    roots: [],
    broken: [],
    shim: undefined,
  };
  return checkProgram(program).violations.map(printViolation);
}

function compartmentOf(name: string, number: number, grantsNothing: boolean): Compartment {
  if (name === RUNTIME) return { name, kind: 'kernel', number, record: undefined };
  const own = { name, kind: 'sandbox', number } as const;
  const grants = grantsNothing ? { grants: new Set<number>() } : {};
  return { ...own, record: name === SANDBOX ? RECORD : undefined, ...grants };
}

function codeOf(name: string, write: (asm: Assembler) => void): Linkable {
  const asm = new Assembler(64);
  write(asm);
  const bytes = asm.finish();
  return {
    sections: { text: { bytes, align: ALIGN } },
    symbols: [{ name, section: 'text', offset: 0, size: bytes.length, kind: 'function' }],
    relocations: asm.relocations.map((relocation) => ({ section: 'text', ...relocation })),
  };
}

function cells(section: SectionName, name: string, values: readonly Cell[]): Linkable {
  const bytes: number[] = [];
  const relocations: Linkable['relocations'][number][] = [];
  for (const value of values) {
    if (typeof value === 'string') {
      relocations.push({ section, offset: bytes.length, kind: 'abs64', symbol: value, addend: 0 });
      bytes.push(...new Uint8Array(8));
    } else bytes.push(...new Uint8Array(Uint32Array.of(value).buffer));
  }
  return {
    sections: { [section]: { bytes: Uint8Array.from(bytes), align: ALIGN } },
    symbols: [{ name, section, offset: 0, size: bytes.length, kind: 'object' }],
    relocations,
  };
}

function segmentOf({ address, bytes }: Placement): Segment {
  const start = Number(address);
  return { start, size: bytes.length, bytes, writable: false, executable: false };
}
