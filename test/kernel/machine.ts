import {
  BootRecord,
  CompartmentInfo,
  ImageInfo,
  ImageRange,
  SegmentInfo,
  TrapSite,
} from '../../spec/abi/handoff.ts';
import * as Platform from '../../spec/abi/platform.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import { UNREACHABLE } from '../../spec/abi/trap-reason.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Igvm from '../../spec/igvm.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import { CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { IgvmMemoryMapEntry } from '../../spec/layouts/igvm.ts';
import { MemoryMapEntry, StartInfo } from '../../spec/layouts/pvh.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import * as Msr from '../../spec/msr.ts';
import * as Psc from '../../spec/psc.ts';
import * as Pvh from '../../spec/pvh.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import * as Uart from '../../spec/uart.ts';
import { cipherInstructions } from './cipher.ts';
import { HonestHypervisor } from './hypervisor.ts';
import { GuestMemory, PAGE, TOP } from './memory.ts';
import { LEFT, PLACES, WAIT_OPEN, WAIT_OUT } from './places.ts';
import { VMPCK0 } from './psp.ts';

export { LEFT, PLACES, WAIT_OPEN, WAIT_OUT };

export type Mode = 'none' | 'sev' | 'sev-es' | 'snp';

/** How the kernel ended. */
export type End =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'panic'; readonly reason: number }
  | { readonly kind: 'idle' };

/** Thrown through the kernel's Wasm frames to stop it. */
class Ended extends Error {
  readonly end: End;
  constructor(end: End) {
    super(`the guest ended: ${JSON.stringify(end)}`);
    this.end = end;
  }
}

/** A #VC 404h or a nested page fault: what the architecture does, and the kernel never provokes. */
export class Violation extends Error {}

export interface Range {
  readonly start: bigint;
  readonly size: bigint;
  readonly ram?: boolean;
}

export interface Options {
  readonly mode: Mode;
  readonly map?: readonly Range[];
  readonly hypervisor?: HonestHypervisor;
  /** Whether RAM outside the image is the host's at first, and ENVIRONMENT_INFO says so. */
  readonly startsShared?: boolean;
  /** What the program does once it is entered, on a stack that ends at `stackTop`. */
  readonly program?: (machine: BareMachine, stackTop: bigint) => void;
  /** Sees the address of each of the kernel's reads of shared memory, before it is made. */
  readonly onSharedLoad?: (address: number, machine: BareMachine) => void;
  /** What happens while the kernel waits for an interrupt, with the doorbell's word at `doorbell`. */
  readonly wait?: (machine: BareMachine, doorbell: bigint) => void;
  /** Sees each MSR that is written, but for the GHCB's. */
  readonly onWrmsr?: (index: number, value: bigint) => void;
  /** What PVALIDATE answers instead of working. */
  readonly pvalidate?: number;
  /** Imports of a kernel that was made for a test. */
  readonly imports?: WebAssembly.Imports;
  /** Last touch on what linker, launch and shim left. */
  readonly prepare?: (machine: BareMachine) => void;
  /** False: the C-bit is a bit like any other, as where the host lied about its place. */
  readonly cBitEncrypts?: boolean;
  /** Whether the host backs 2 MiB of the guest by one 2 MiB page. */
  readonly hugePages?: boolean;
}

/** The tables that ImageInfo points at, in its page. */
const TABLES = PLACES.info + 0x200;
const POOL_PAGES = 0x40;
const WRITABLE = 2n;
const NO_EXECUTE = 1n << 63n;
export const DEFAULT_MAP: readonly Range[] = [
  { start: 0n, size: 0x9_fc00n },
  { start: 0x9_fc00n, size: 0x400n, ram: false },
  { start: 0x10_0000n, size: 0x70_0000n },
];

type Kernel = Record<string, (...args: (number | bigint)[]) => number | bigint>;

/**
 * The kernel's Wasm in V8, on a machine that has just what the kernel's own instructions touch:
 * memory behind the kernel's page tables, the RMP's states, a serial port, and a host that can be
 * replaced. It knows nothing of x86; whole images run on tools/emulator.
 */
export class BareMachine {
  readonly mode: Mode;
  readonly cBit: number;
  readonly memory: GuestMemory;
  readonly hypervisor: HonestHypervisor;
  readonly kernel: Kernel;
  /** Frames validated, and how often each was. */
  readonly validated = new Set<bigint>();
  readonly validations = new Map<bigint, number>();
  /** Frames that the host gave to the guest. */
  readonly assigned = new Set<bigint>();
  readonly pvalidates = { huge: 0, small: 0, rescind: 0 };
  readonly calls: { code: number; info1: bigint; usage: number }[] = [];
  console = '';
  /** VMGEXITs so far. */
  exits = 0;
  /** Registers as the shim left them, and MSR SEV_STATUS. */
  cr0 = 0x8005_0033n;
  cr2 = 0n;
  cr4 = 0x6a0n;
  xcr0 = 1n;
  efer = BigInt(Msr.EFER_NXE | Msr.EFER_LMA | Msr.EFER_LME);
  sevStatus: bigint;
  /** Whether RDRAND has numbers to give. */
  random = true;
  /** What a generator gives, undefined for nothing. */
  draw = (_from: 'rdrand' | 'rdseed'): bigint | undefined => {
    this.#drawn = BigInt.asUintN(64, this.#drawn * 6364136223846793005n + 1442695040888963407n);
    return this.#drawn;
  };
  #drawn = 1n;
  /** The TSC, and what it grows by at each look. */
  tsc = 0n;
  tscStep = 1000n;
  /** MSR GUEST_TSC_FREQ: MHz. */
  tscFrequency = 1000n;
  /** EAX, EBX, ECX and EDX by leaf. */
  readonly leaves = new Map<number, readonly [number, number, number, number]>([
    [0, [0xd, 0, 0, 0]],
    [Cpuid.LEAF_FEATURES, [0, 0, Cpuid.ECX_RDRAND | Cpuid.ECX_AES | Cpuid.ECX_PCLMULQDQ, 0]],
    [Cpuid.LEAF_STRUCTURED_FEATURES, [0, Cpuid.EBX_RDSEED, 0, 0]],
    [0x4000_0000, [Cpuid.LEAF_FREQUENCIES, 0, 0, 0]],
    [Cpuid.LEAF_FREQUENCIES, [2_000_000, 0, 0, 0]],
  ]);
  /** Bytes that the kernel read with `cpu.load8`. */
  loads8 = 0;
  readonly #options: Options;
  #msr = 0n;
  #nextTable = BigInt(PLACES.tables + PAGE);

  constructor(module: WebAssembly.Module, options: Options) {
    this.#options = options;
    this.mode = options.mode;
    this.sevStatus = sevStatus(options.mode);
    this.cBit = options.mode === 'none' ? 0 : 51;
    this.hypervisor = options.hypervisor ?? new HonestHypervisor();
    const encryption = this.cBit === 0 ? 0n : 1n << BigInt(this.cBit);
    const { exports } = new WebAssembly.Instance(module, this.#imports());
    const wasm = exports.memory as WebAssembly.Memory;
    wasm.grow(0x400 - wasm.buffer.byteLength / 0x1_0000);
    this.kernel = exports as unknown as Kernel;
    this.memory = new GuestMemory(() => wasm, encryption, BigInt(PLACES.tables));
    this.#load();
    options.prepare?.(this);
  }

  /** Runs the kernel from `main` until the guest ends. */
  run(): End {
    return this.#untilEnd(() => this.kernel.main?.());
  }

  /** Delivers vector `vector` to the kernel, as the stub does; `frame` holds its registers. */
  trap(vector: number, frame: Partial<View<typeof TrapFrame>> = {}): View<typeof TrapFrame> {
    const at = view(TrapFrame, this.memory.page(BigInt(PLACES.frame)));
    Object.assign(at, { rip: TOP + BigInt(PLACES.text), error: 0n, ...frame });
    at.vector = BigInt(vector);
    this.kernel.trap?.(TOP + BigInt(PLACES.frame));
    return at;
  }

  /** How the guest ends when `run` does what it does. */
  ends(run: () => void): End {
    return this.#untilEnd(run);
  }

  #untilEnd(run: () => void): End {
    try {
      run();
    } catch (error) {
      if (error instanceof Ended) return error.end;
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      // What `unreachable` is in V8 is a `ud2` in the image, and the stub brings it to `trap`.
      return this.#untilEnd(() => this.trap(6));
    }
    throw new Error('the kernel returned');
  }

  /** Gives the frame to the guest or to the host, as RMPUPDATE does: never validated. */
  assign(frame: bigint, operation: number): void {
    this.validated.delete(frame);
    if (operation === Psc.PRIVATE) this.assigned.add(frame);
    else this.assigned.delete(frame);
  }

  out(port: number, value: number): void {
    if (port === Uart.COM1) this.console += String.fromCharCode(value & 0xff);
    if (port !== Platform.EXIT_PORT) return;
    if (value < 256) throw new Ended({ kind: 'exit', code: value });
    throw new Ended({ kind: 'panic', reason: value & 0xffff });
  }

  in(port: number): number {
    return port === Uart.COM1 + Uart.LSR ? Uart.LSR_THR_EMPTY : 0xff;
  }

  /** A layout over guest memory at `gpa`. */
  view<L extends Layout>(layout: L, gpa: number): View<L> {
    return view(layout, this.memory.page(BigInt(gpa)), gpa % PAGE);
  }

  get info(): View<typeof ImageInfo> {
    return this.view(ImageInfo, PLACES.info);
  }

  get record(): View<typeof BootRecord> {
    return this.view(BootRecord, PLACES.record);
  }

  get compartment(): View<typeof CompartmentInfo> {
    return this.view(CompartmentInfo, TABLES + 0x200);
  }

  get segment(): View<typeof SegmentInfo> {
    return this.view(SegmentInfo, TABLES + 0x320);
  }

  cpuid(leaf: number): readonly [number, number, number, number] {
    return this.leaves.get(leaf) ?? [0, 0, 0, 0];
  }

  /** Bytes at a virtual address, as the kernel reads them; checked against tables and RMP. */
  access(va: bigint, write: boolean): { bytes: Uint8Array; offset: number } {
    const address = BigInt.asUintN(64, va);
    const mapping = this.memory.translate(address);
    if (!mapping || (write && !mapping.writable)) {
      throw new Violation(`#PF at ${address.toString(16)}`);
    }
    const frame = mapping.gpa >> 12n;
    if (this.mode === 'snp' && !mapping.shared && !this.validated.has(frame)) {
      throw new Violation(`#VC 404 at ${address.toString(16)}`);
    }
    const offset = Number(mapping.gpa & 0xfffn);
    const bytes = this.memory.page(mapping.gpa);
    const alias = mapping.shared && !this.memory.translate(mapping.gpa)?.shared;
    if (!alias || this.#options.cBitEncrypts === false) return { bytes, offset };
    // Seen with C=0, what was written with C=1 is ciphertext; any other bytes do.
    return { bytes: bytes.map((byte, i) => byte ^ (0x5a + i)), offset };
  }

  #imports(): WebAssembly.Imports {
    const data = (va: bigint, write = false) => {
      const { bytes, offset } = this.access(va, write);
      return new DataView(bytes.buffer, bytes.byteOffset + offset);
    };
    const byte = (va: bigint, write: boolean) => {
      const { bytes, offset } = this.access(va, write);
      return bytes.subarray(offset);
    };
    const memory = () => new DataView((this.kernel.memory as unknown as WebAssembly.Memory).buffer);
    const seen = (p: number) => {
      this.#options.onSharedLoad?.(p >>> 0, this);
      return memory();
    };
    return {
      ...this.#options.imports,
      cpu: {
        rdmsr: (index: number) => this.#rdmsr(index >>> 0),
        wrmsr: (index: number, value: bigint) => {
          if (index >>> 0 === Msr.GHCB) this.#msr = BigInt.asUintN(64, value);
          else this.#options.onWrmsr?.(index >>> 0, BigInt.asUintN(64, value));
        },
        vmgexit: () => this.#vmgexit(),
        pvalidate: (va: bigint, size: number, on: number) => this.#pvalidate(va, size, on),
        in8: (port: number) => this.in(port),
        out8: (port: number, value: number) => this.out(port, value),
        out32: (port: number, value: number) => this.out(port, value >>> 0),
        load8: (va: bigint) => {
          this.loads8++;
          return data(va).getUint8(0);
        },
        store8: (va: bigint, v: number) => data(va, true).setUint8(0, v),
        load16: (va: bigint) => data(va).getUint16(0, true),
        load32: (va: bigint) => data(va).getUint32(0, true),
        load64: (va: bigint) => data(va).getBigUint64(0, true),
        store32: (va: bigint, v: number) => data(va, true).setUint32(0, v, true),
        store64: (va: bigint, v: bigint) => data(va, true).setBigUint64(0, v, true),
        copy: (to: bigint, from: bigint, n: bigint) => {
          for (let i = 0n; i < n; i++) byte(to + i, true)[0] = byte(from + i, false)[0] ?? 0;
        },
        fill: (to: bigint, value: number, n: bigint) => {
          const end = to + n;
          for (let va = to; va < end; ) {
            const bytes = byte(va, true);
            const part = bytes.subarray(0, Number(end - va));
            part.fill(value);
            va += BigInt(part.length);
          }
        },
        readCr0: () => this.cr0,
        readCr2: () => this.cr2,
        readCr4: () => this.cr4,
        xgetbv: () => this.xcr0,
        readCr3: () => this.memory.root | this.memory.encryption,
        invlpg: () => {},
        clflush: () => {},
        mfence: () => {},
        rdrand64: (out: bigint) => {
          const bits = this.random ? this.draw('rdrand') : undefined;
          data(out, true).setBigUint64(0, bits ?? 0n, true);
          return bits === undefined ? 0 : 1;
        },
        rdseed64: (out: bigint) => {
          const bits = this.draw('rdseed');
          data(out, true).setBigUint64(0, bits ?? 0n, true);
          return bits === undefined ? 0 : 1;
        },
        rdtsc: () => {
          this.tsc = BigInt.asUintN(64, this.tsc + this.tscStep);
          return this.tsc;
        },
        cpuid: (leaf: number, _subleaf: number, out: bigint) => {
          const at = data(out, true);
          this.cpuid(leaf >>> 0).forEach((word, i) => {
            at.setUint32(4 * i, word, true);
          });
        },
        ...cipherInstructions(byte),
        cli: () => {},
        hlt: () => {
          throw new Ended({ kind: 'idle' });
        },
      },
      volatile: {
        load8: (p: number) => seen(p).getUint8(p >>> 0),
        load16: (p: number) => seen(p).getUint16(p >>> 0, true),
        load32: (p: number) => seen(p).getUint32(p >>> 0, true),
        load64: (p: number) => seen(p).getBigUint64(p >>> 0, true),
        exchange8: (p: number, v: number) => {
          const before = seen(p).getUint8(p >>> 0);
          memory().setUint8(p >>> 0, v);
          return before;
        },
        compareExchange16: (p: number, expected: number, v: number) => {
          const before = seen(p).getUint16(p >>> 0, true);
          if (before === expected) memory().setUint16(p >>> 0, v, true);
          return before;
        },
        store8: (p: number, v: number) => memory().setUint8(p >>> 0, v),
        store16: (p: number, v: number) => memory().setUint16(p >>> 0, v, true),
        store32: (p: number, v: number) => memory().setUint32(p >>> 0, v, true),
        store64: (p: number, v: bigint) => memory().setBigUint64(p >>> 0, v, true),
      },
      image: { info: () => TOP + BigInt(PLACES.info), record: () => TOP + BigInt(PLACES.record) },
      label: { waitOpen: () => WAIT_OPEN, waitOut: () => WAIT_OUT, left: () => LEFT },
      boot: {
        enter: (_entry: bigint, _base: bigint, stackTop: bigint) =>
          this.#options.program?.(this, BigInt.asUintN(64, stackTop)),
        wait: (doorbell: bigint) => this.#options.wait?.(this, doorbell),
      },
    };
  }

  #rdmsr(index: number): bigint {
    if (index === Msr.GHCB) return this.#msr;
    if (index === Msr.EFER) return this.efer;
    if (index === Msr.XSS) return 0n;
    if (index === Msr.SEV_STATUS && this.mode !== 'none') return this.sevStatus;
    if (index === Msr.GUEST_TSC_FREQ && this.sevStatus & BigInt(SevStatus.SECURE_TSC)) {
      return this.tscFrequency;
    }
    throw new Violation(`#GP: RDMSR ${index.toString(16)}`);
  }

  #vmgexit(): void {
    this.exits++;
    const request = this.#msr;
    if ((request & 0xfffn) === 0n) {
      this.hypervisor.page(request, this);
    } else if ((request & 0xfffn) === 0x100n) {
      const reason = (((request >> 12n) & 15n) << 8n) | ((request >> 16n) & 0xffn);
      throw new Ended({ kind: 'panic', reason: Number(reason) });
    } else {
      this.#msr = this.hypervisor.msr(request, this);
    }
  }

  #pvalidate(va: bigint, size: number, on: number): number {
    const mapping = this.memory.translate(BigInt.asUintN(64, va));
    if (!mapping || mapping.shared) throw new Violation('PVALIDATE of a page not mapped private');
    if (this.#options.pvalidate !== undefined) return this.#options.pvalidate;
    if (size === 1 && this.#options.hugePages === false) return 6;
    const first = mapping.gpa >> 12n;
    this.pvalidates[on === 0 ? 'rescind' : size === 1 ? 'huge' : 'small']++;
    let unchanged = true;
    for (let frame = first; frame < first + (size === 1 ? 512n : 1n); frame++) {
      if (!this.assigned.has(frame)) throw new Violation(`NPF: frame ${frame.toString(16)}`);
      if (this.validated.has(frame) !== (on === 1)) unchanged = false;
      if (on === 1) this.validations.set(frame, (this.validations.get(frame) ?? 0) + 1);
      if (on === 1) this.validated.add(frame);
      else this.validated.delete(frame);
    }
    return unchanged ? 0x100 : 0;
  }

  /** What linker, launch and shim leave behind. */
  #load(): void {
    const { memory } = this;
    const take = () => {
      const table = this.#nextTable;
      this.#nextTable += BigInt(PAGE);
      return table;
    };
    const flags = WRITABLE | NO_EXECUTE;
    const last = this.#launched.at(-1)?.[1] ?? 0;
    for (let gpa = 0x10_0000; gpa < PLACES.kernelMemory; gpa += PAGE) {
      memory.map(TOP + BigInt(gpa), BigInt(gpa), flags, take);
    }
    for (let gpa = PLACES.kernelMemory; gpa < last; gpa += PAGE) {
      memory.map(BigInt(gpa), BigInt(gpa), flags, take);
    }
    for (let gpa = 0x10_0000n; gpa < BigInt(last); gpa += BigInt(PAGE)) {
      this.assigned.add(gpa >> 12n);
      this.validated.add(gpa >> 12n);
    }
    this.#linker();
    this.#launch();
    this.#shim();
  }

  readonly #launched = [
    [0x10_0000, PLACES.kernelMemory],
    [PLACES.kernelMemory, PLACES.kernelMemoryEnd],
  ] as const;

  #linker(): void {
    const tables = TABLES;
    Object.assign(this.info, {
      magic: BigInt(Platform.IMAGE_MAGIC),
      modes: 0xf,
      host: Platform.HOST_KVM,
      featuresRequired: 0n,
      featuresAllowed: 0n,
      lazyAbove: 0xffff_ffff_ffff_ffffn,
      vmsaGpa: 0xffff_ffff_f000n,
      cpuidPage: PLACES.cpuid,
      secretsPage: PLACES.secrets,
      memoryMapPage: PLACES.memoryMap,
      environmentPage: PLACES.environment,
      pageTableRoot: PLACES.tables,
      pool: PLACES.pool,
      poolPages: POOL_PAGES,
      kernelMemory: PLACES.kernelMemory,
      kernelMemoryEnd: PLACES.kernelMemoryEnd,
      windowStart: 0x4000_0000,
      windowEnd: 0x4800_0000,
      rangeCount: this.#launched.length,
      ranges: TOP + BigInt(tables),
      traps: TOP + BigInt(tables + 0x100),
      trapCount: 1,
      compartments: TOP + BigInt(tables + 0x200),
      compartmentCount: 1,
      stackTop: TOP + BigInt(PLACES.kernelMemory),
      stackBottom: TOP + BigInt(PLACES.stack),
    });
    for (const [i, [start, end]] of this.#launched.entries()) {
      Object.assign(this.view(ImageRange, tables + i * ImageRange.size), {
        start: BigInt(start),
        end: BigInt(end),
      });
    }
    Object.assign(this.view(TrapSite, tables + 0x100), { place: PLACES.text, reason: UNREACHABLE });
    Object.assign(this.compartment, {
      index: 1,
      entry: TOP + BigInt(PLACES.text),
      memoryRecord: TOP + BigInt(tables + 0x300),
      minPages: 2,
      maxPages: 64,
      segments: TOP + BigInt(tables + 0x320),
      segmentCount: 1,
      argumentCount: 2,
      arguments: TOP + BigInt(tables + 0x340),
      argumentsSize: 14,
      stackPages: 4,
    });
    Object.assign(this.segment, {
      source: TOP + BigInt(tables + 0x340),
      offset: 0x1234,
      size: 14,
    });
    this.memory
      .page(BigInt(tables))
      .set(Buffer.from('luggage\x0012345\0'), (tables + 0x340) % PAGE);
  }

  #launch(): void {
    const { mode } = this;
    const map = this.#options.map ?? DEFAULT_MAP;
    const startsShared = this.#options.startsShared ?? false;
    if (mode !== 'none') {
      for (const [i, { start, size, ram = true }] of map.entries()) {
        Object.assign(this.view(IgvmMemoryMapEntry, PLACES.memoryMap + i * 24), {
          startingPage: start >> 12n,
          numberOfPages: (((start + size) >> 12n) - (start >> 12n)) & 0xffff_ffff_ffff_ffffn,
          type: ram ? Igvm.MEMORY : Igvm.MEMORY_RESERVED,
        });
      }
    }
    this.memory.page(BigInt(PLACES.environment))[0] = startsShared ? Igvm.MEMORY_IS_SHARED : 0;
    const cpuid = this.view(CpuidPage, PLACES.cpuid);
    const others = [...this.leaves.entries()].map(([eaxIn, [eax, ebx, ecx, edx]]) => {
      return { eaxIn, eax, ebx, ecx, edx };
    });
    const encryption = {
      eax: Cpuid.EAX_SEV | Cpuid.EAX_SEV_ES | Cpuid.EAX_SNP,
      ebx: Cpuid.EBX_COHERENCY_SFW_NO + this.cBit,
    };
    const leaves = [
      ...others,
      { eaxIn: Cpuid.LEAF_EXTENDED },
      { eaxIn: Cpuid.LEAF_ENCRYPTED_MEMORY, ...encryption },
    ];
    cpuid.count = leaves.length;
    for (const [i, leaf] of leaves.entries()) Object.assign(cpuid.functions[i] ?? {}, leaf);
    const secrets = this.view(SecretsPage, PLACES.secrets);
    secrets.version = 3;
    secrets.vmpck0.set(VMPCK0);
    if (!startsShared) {
      for (const { start, size, ram = true } of map) {
        const end = (start + size) >> 12n;
        if (ram && end - (start >> 12n) < 0x10_0000n) {
          for (let frame = start >> 12n; frame < end; frame++) this.assigned.add(frame);
        }
      }
    }
    this.#pvh(map);
  }

  #pvh(map: readonly Range[]): void {
    const table = PLACES.startInfo + 0x100;
    Object.assign(this.view(StartInfo, PLACES.startInfo), {
      magic: Pvh.START_INFO_MAGIC,
      version: 1,
      memoryMap: BigInt(table),
      memoryMapCount: map.length,
    });
    for (const [i, { start, size, ram = true }] of map.entries()) {
      Object.assign(this.view(MemoryMapEntry, table + i * 24), {
        address: start,
        size,
        type: ram ? Pvh.RAM : Pvh.RESERVED,
      });
    }
  }

  #shim(): void {
    const { mode } = this;
    Object.assign(this.record, {
      entry: mode === 'none' ? Platform.ENTRY_PVH : Platform.ENTRY_IGVM,
      platform: ['none', 'sev', 'sev-es', 'snp'].indexOf(mode),
      sevStatus: sevStatus(mode),
      cBit: this.cBit,
      startInfo: mode === 'none' ? PLACES.startInfo : 0,
    });
  }
}

function sevStatus(mode: Mode): bigint {
  const bits = [0n, BigInt(SevStatus.SEV), BigInt(SevStatus.SEV_ES), BigInt(SevStatus.SNP)];
  const rung = ['none', 'sev', 'sev-es', 'snp'].indexOf(mode);
  return bits.slice(0, rung + 1).reduce((all, bit) => all | bit, 0n);
}
