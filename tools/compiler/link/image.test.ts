import { describe, expect, it } from 'vitest';
import {
  CPUID_PAGE,
  IMAGE,
  KERNEL_MEMORY,
  SELECTOR_CODE64,
  SELECTOR_TSS,
  SHIM,
  TOP,
} from '../../../boot/memory-map.ts';
import {
  CompartmentInfo,
  FunctionEntry,
  GrantInfo,
  ImageInfo,
  ImageRange,
  InterceptSite,
  LineEntry,
  MemoryRecord,
  SegmentInfo,
  TrapSite,
} from '../../../spec/abi/handoff.ts';
import * as Reason from '../../../spec/abi/trap-reason.ts';
import { type Layout, type View, view } from '../../../spec/layout.ts';
import type { WasmObject } from '../object.ts';
import type { CompartmentImage } from './compartments.ts';
import { type ImageParts, type LinkedImage, linkImage } from './image.ts';
import { symbolMap } from './symbol-map.ts';
import { emptyObject, objectWith, stubs } from './test-objects.ts';

const vectors = Array.from({ length: 256 }, (_, vector) => `boot!vector.${vector}`);

const kernel: WasmObject = {
  ...objectWith('kernel', ['main', 'trap', 'memory_grow']),
  traps: [{ offset: 3, reason: 'integer overflow', wasmOffset: 70 }],
  intercepts: [{ offset: 18, exitCode: 0x7c }],
  lines: Int32Array.of(0, 60, 3, 70, 9, 71),
  memory: {
    symbol: undefined,
    imported: false,
    shared: false,
    minPages: 0x19,
    maxPages: 0x1_0000,
    segments: [{ offset: KERNEL_MEMORY + 0x10, bytes: Uint8Array.of(1, 2, 3) }],
  },
};

const program: WasmObject = {
  ...objectWith('web', ['_start']),
  sections: {
    text: { bytes: new Uint8Array(16).fill(0x90), align: 16 },
    rodata: emptyObject('').sections.rodata,
    data: { bytes: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0), align: 16 },
  },
  symbols: [
    ...objectWith('web', ['_start']).symbols,
    { name: 'web!memory', section: 'data', offset: 0, size: 16, kind: 'object' },
  ],
  relocations: [
    { section: 'text', offset: 1, kind: 'rel32', symbol: 'kernel!main', addend: -4 },
    { section: 'text', offset: 6, kind: 'rel32', symbol: 'web!memory_grow', addend: -4 },
    { section: 'text', offset: 12, kind: 'abs32', symbol: 'type!()->()', addend: 0 },
  ],
  memory: {
    symbol: 'web!memory',
    imported: false,
    shared: false,
    minPages: 2,
    maxPages: 0x1_0000,
    segments: [{ offset: 1024, bytes: Uint8Array.of(7, 8) }],
  },
  start: 'web!_start',
};

const compartment: CompartmentImage = {
  object: program,
  index: 1,
  entry: '_start',
  args: ['a', 'b c'],
  env: { HOME: '/' },
  maxPages: 16,
  stackPages: 5,
  grants: [{ name: 'tacit.halt', symbol: 'kernel!main' }],
};

const parts: ImageParts = {
  shim: stubs(['boot!pvh', 'boot!igvm']),
  stubs: [stubs(vectors), stubs(['boot!enter'])],
  kernel,
  compartments: [compartment],
  sourceMaps: new Map([
    ['kernel', (offset: number) => ({ file: 'kernel/main.ts', line: offset < 70 ? 5 : 6 })],
  ]),
  policy: { modes: 8, host: 1, featuresRequired: 7n, featuresAllowed: 15n },
};

/** Memory of an image as the kernel sees it. */
class Memory {
  readonly image: LinkedImage;

  constructor(image: LinkedImage) {
    this.image = image;
  }

  at(va: bigint): Uint8Array {
    const region = this.image.regions.find((r) => va >= r.va && va < r.va + BigInt(r.size));
    if (!region) throw new RangeError(`nothing at ${va.toString(16)}`);
    return region.bytes.slice(Number(va - region.va));
  }

  view<L extends Layout>(layout: L, va: bigint, index = 0): View<L> {
    return view(layout, this.at(va + BigInt(index * layout.size)));
  }

  symbol(name: string): bigint {
    return this.image.symbols.get(name) ?? expect.fail(`no ${name}`);
  }

  text(va: bigint): string {
    const bytes = this.at(va);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

const image = linkImage(parts);
const memory = new Memory(image);
const info = memory.view(ImageInfo, memory.symbol('image.info'));
const place = (symbol: string) => Number(memory.symbol(symbol) - TOP);

describe('a linked image', () => {
  it('enters the shim where it lies', () => {
    expect([image.pvhEntry, image.igvmEntry]).toEqual([SHIM, SHIM + 1]);
    expect(image.regions[0]).toMatchObject({ name: '.shim', gpa: SHIM, va: BigInt(SHIM) });
  });

  it('has no two regions that overlap, and maps nothing writable and executable', () => {
    let end = 0;
    for (const { gpa, size, writable, executable } of image.regions) {
      expect(gpa).toBeGreaterThanOrEqual(end);
      expect(writable && executable).toBe(false);
      end = gpa + size;
    }
  });

  it('leaves a page unmapped below each stack', () => {
    for (const stack of image.regions.filter(({ name }) => name.startsWith('.stack'))) {
      expect(image.regions.some(({ gpa, size }) => gpa + size === stack.gpa)).toBe(false);
    }
  });

  it('has the kernel’s static data where its module expects it', () => {
    expect(memory.at(BigInt(KERNEL_MEMORY + 0x10)).subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    expect(info).toMatchObject({ kernelMemory: KERNEL_MEMORY, kernelMemoryEnd: 0x19_0000 });
  });

  it('says what the manifest says', () => {
    expect(info).toMatchObject({
      modes: 8,
      host: 1,
      featuresRequired: 7n,
      featuresAllowed: 15n,
      vmsaGpa: 0xffff_ffff_f000n,
      cpuidPage: CPUID_PAGE,
    });
  });

  it('lists its pages and the launch’s, ascending', () => {
    const ranges = Array.from({ length: info.rangeCount }, (_, i) =>
      memory.view(ImageRange, info.ranges, i),
    );
    for (const [i, { start, end }] of ranges.entries()) {
      expect(end).toBeGreaterThan(start);
      expect(start).toBeGreaterThanOrEqual(ranges[i - 1]?.end ?? 0n);
    }
    expect(ranges).toHaveLength(image.regions.length + 4);
    const cpuid = ranges.find(({ start }) => start === BigInt(CPUID_PAGE));
    expect(cpuid?.end).toBe(BigInt(CPUID_PAGE + 0x1000));
  });

  it('has its used page tables first, and tells where the unused ones begin', () => {
    const tables = image.regions.find(({ name }) => name === '.tables');
    expect(info.pageTableRoot).toBe(tables?.gpa);
    expect(info.pool).toBe((tables?.gpa ?? 0) + (tables?.bytes.length ?? 0));
    expect(info.pool + info.poolPages * 4096).toBe((tables?.gpa ?? 0) + (tables?.size ?? 0));
    expect(memory.symbol('image.tables.end')).toBe(TOP + BigInt(info.pool));
  });

  it('knows its functions with their frames; stubs have none', () => {
    const functions = Array.from({ length: info.functionCount }, (_, i) =>
      memory.view(FunctionEntry, info.functions, i),
    );
    const named = (name: string) =>
      functions.find((entry) => memory.text(info.strings + BigInt(entry.name)) === name);
    expect(named('kernel!trap')).toMatchObject({ start: place('kernel!trap'), frameSize: 8 });
    expect(named('boot!vector')).toMatchObject({
      start: place('boot!vector.0'),
      end: place('boot!vector.255') + 1,
      frameSize: 0xffff_ffff,
    });
    for (const [i, { start }] of functions.entries()) {
      expect(start).toBeGreaterThanOrEqual(functions[i - 1]?.end ?? IMAGE);
    }
  });

  it('knows lines, traps and intercepted instructions', () => {
    expect([info.lineCount, info.trapCount, info.interceptCount]).toEqual([2, 1, 1]);
    const main = place('kernel!main');
    expect(memory.view(LineEntry, info.lines, 0)).toMatchObject({ place: main, line: 5, file: 0 });
    expect(memory.view(LineEntry, info.lines, 1)).toMatchObject({ place: main + 3, line: 6 });
    const file = new DataView(memory.at(info.files).buffer).getUint32(0, true);
    expect(memory.text(info.strings + BigInt(file))).toBe('kernel/main.ts');
    expect(memory.view(TrapSite, info.traps)).toMatchObject({
      place: main + 3,
      reason: Reason.INTEGER_OVERFLOW,
    });
    expect(memory.view(InterceptSite, info.intercepts)).toMatchObject({
      place: main + 18,
      exitCode: 0x7c,
    });
  });

  it('describes the program: memory, first contents, arguments, environment', () => {
    expect(info.compartmentCount).toBe(1);
    const described = memory.view(CompartmentInfo, info.compartments);
    expect(described).toMatchObject({
      index: 1,
      entry: memory.symbol('web!_start'),
      initialize: memory.symbol('web!_start'),
      minPages: 2,
      maxPages: 16,
      stackPages: 5,
      argumentCount: 3,
      environmentCount: 1,
    });
    const bytesAt = (va: bigint, size: number) =>
      new TextDecoder().decode(memory.at(va).subarray(0, size));
    expect(bytesAt(described.arguments, described.argumentsSize)).toBe('web\0a\0b c\0');
    expect(bytesAt(described.environment, described.environmentSize)).toBe('HOME=/\0');
    expect(memory.text(info.strings + BigInt(described.name))).toBe('web');
    const segment = memory.view(SegmentInfo, described.segments);
    expect(segment).toMatchObject({ offset: 1024, size: 2 });
    expect(memory.at(segment.source).subarray(0, 2)).toEqual(Uint8Array.of(7, 8));
    const grant = memory.view(GrantInfo, described.grants);
    expect(grant.entry).toBe(memory.symbol('kernel!main'));
    expect(memory.text(info.strings + BigInt(grant.name))).toBe('tacit.halt');
    expect(memory.view(GrantInfo, described.grants + BigInt(GrantInfo.size)).entry).toBe(0n);
    expect(memory.view(MemoryRecord, described.memoryRecord)).toMatchObject({
      base: 0x4_0000_0000n,
      pages: 2,
      maxPages: 16,
    });
  });

  it('applies relocations: calls across modules, type numbers, memory.grow to the kernel', () => {
    const start = memory.symbol('web!_start');
    const code = new DataView(memory.at(start).buffer);
    expect(start + 5n + BigInt(code.getInt32(1, true))).toBe(memory.symbol('kernel!main'));
    expect(code.getUint32(12, true)).toBe(1);
    const grow = start + 10n + BigInt(code.getInt32(6, true));
    expect(grow).toBe(memory.symbol('web!memory_grow'));
    const stub = memory.at(grow);
    // mov esi, edi; mov edi, 1; jmp kernel.memory_grow
    expect([...stub.subarray(0, 8)]).toEqual([0x8b, 0xf7, 0xbf, 1, 0, 0, 0, 0xe9]);
    const target = grow + 12n + BigInt(new DataView(stub.buffer).getInt32(8, true));
    expect(target).toBe(memory.symbol('kernel!memory_grow'));
  });

  it('has an IDT, a GDT and a TSS that point at each other', () => {
    const idtr = new DataView(memory.at(memory.symbol('image.idtr')).buffer);
    expect(idtr.getUint16(0, true)).toBe(4095);
    const gate = (vector: number) =>
      new DataView(memory.at(idtr.getBigUint64(2, true) + BigInt(vector * 16)).buffer);
    const target = (g: DataView) =>
      BigInt(g.getUint16(0, true)) |
      (BigInt(g.getUint16(6, true)) << 16n) |
      (BigInt(g.getUint32(8, true)) << 32n);
    expect(target(gate(255))).toBe(memory.symbol('boot!vector.255'));
    expect(gate(14).getUint16(2, true)).toBe(SELECTOR_CODE64);
    expect([2, 8, 14, 18, 28, 29].map((vector) => gate(vector).getUint8(4))).toEqual([
      1, 2, 3, 4, 0, 0,
    ]);

    const gdtr = new DataView(memory.at(memory.symbol('image.gdtr')).buffer);
    const descriptor = new DataView(
      memory.at(gdtr.getBigUint64(2, true) + BigInt(SELECTOR_TSS)).buffer,
    );
    const base =
      BigInt(descriptor.getUint16(2, true)) |
      (BigInt(descriptor.getUint8(4)) << 16n) |
      (BigInt(descriptor.getUint8(7)) << 24n) |
      (BigInt(descriptor.getUint32(8, true)) << 32n);
    expect(base).toBe(memory.symbol('image.tss'));
    const pageFaultStack = new DataView(memory.at(base).buffer).getBigUint64(0x24 + 16, true);
    const region = image.regions.find(({ name }) => name === '.stack.14');
    expect(pageFaultStack).toBe((region?.va ?? 0n) + BigInt(region?.size ?? 0));
  });

  it('is the same bytes each time', () => {
    const bytes = (linked: LinkedImage) => linked.regions.map((region) => region.bytes);
    expect(bytes(linkImage(parts))).toEqual(bytes(image));
  });

  it('has a map of regions and symbols', () => {
    const map = symbolMap(image);
    expect(map).toMatch(/^00100000 0000000000100000 1 r-x \.shim$/m);
    expect(map).toContain(`${memory.symbol('kernel!trap').toString(16)} kernel!trap\n`);
  });
});

describe('the names of a foreign module', () => {
  it('have no control characters in the image or its map', () => {
    const object = objectWith('web', ['_start', 'a\n\0\u009b']);
    const linked = new Memory(linkImage({ ...parts, compartments: [{ ...compartment, object }] }));
    const { strings } = linked.view(ImageInfo, linked.symbol('image.info'));
    const bytes = Buffer.from(linked.at(strings));
    expect(bytes.includes('web!a???\0')).toBe(true);
    expect(symbolMap(linked.image)).toMatch(/web!a\?\?\?$/m);
  });
});

describe('linkImage', () => {
  const withProgram = (change: Partial<CompartmentImage>) => () =>
    linkImage({ ...parts, compartments: [{ ...compartment, ...change }] });

  it('gives a program without a memory a record that says so', () => {
    const small = new Memory(
      linkImage({
        ...parts,
        compartments: [{ ...compartment, object: objectWith('web', ['_start']) }],
      }),
    );
    const described = small.view(
      CompartmentInfo,
      small.view(ImageInfo, small.symbol('image.info')).compartments,
    );
    expect(described).toMatchObject({ minPages: 0, maxPages: 0, segmentCount: 0 });
    expect(small.view(MemoryRecord, described.memoryRecord)).toMatchObject({ pages: 0 });
    expect(
      small.image.regions.find(
        ({ va, size }) =>
          described.memoryRecord >= va && described.memoryRecord < va + BigInt(size),
      )?.writable,
    ).toBe(true);
  });

  it('refuses a program without the entry', () => {
    expect(withProgram({ entry: 'main' })).toThrow(
      'unlinkable: web has no function main without parameters',
    );
  });

  it('refuses a program that needs more memory than it may have', () => {
    expect(withProgram({ maxPages: 1 })).toThrow(
      'unlinkable: web needs 128K of memory, "memory" is 64K',
    );
  });

  it.each([1, 24])('goes around the kernel’s memory with a program of %d MiB', (mib) => {
    const large = { ...program, sections: { ...program.sections } };
    large.sections.rodata = { bytes: new Uint8Array(mib << 20), align: 16 };
    const linked = linkImage({ ...parts, compartments: [{ ...compartment, object: large }] });
    const region = (wanted: string) => linked.regions.find(({ name }) => name === wanted);
    expect(region('.rodata')?.gpa).toBeGreaterThanOrEqual(0x19_0000);
    const tables = region('.tables') ?? expect.fail('no .tables');
    expect(tables.size - tables.bytes.length).toBeGreaterThanOrEqual(64 * 4096);
  });

  it('refuses data of the kernel outside its static memory', () => {
    const segments = [{ offset: 1024, bytes: Uint8Array.of(1) }];
    const misplaced = { ...kernel, memory: { ...kernel.memory, segments } } as WasmObject;
    expect(() => linkImage({ ...parts, kernel: misplaced })).toThrow('unlinkable: kernel has data');
  });
});
