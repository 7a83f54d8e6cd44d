import { TOP } from '../../boot/memory-map.ts';
import {
  CompartmentInfo,
  FunctionEntry,
  GrantInfo,
  ImageInfo,
  InterceptSite,
  MemoryRecord,
} from '../../spec/abi/handoff.ts';
import { IMAGE_MAGIC, STACK_IN_HAND } from '../../spec/abi/platform.ts';
import * as Igvm from '../../spec/igvm.ts';
import * as Launch from '../../spec/launch.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import { IgvmNativeContext, IgvmVpContext } from '../../spec/layouts/igvm.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import * as Paging from '../../spec/paging.ts';
import { parseElf } from '../emulator/launch/elf.ts';
import { UserError } from '../errors.ts';
import {
  contentOf,
  dataAt,
  type IgvmFile,
  launchOf,
  maskOf,
  readIgvm,
} from '../image/igvm-reader.ts';
import { checkPages, loadSegments } from './elf-file.ts';
import {
  addressOf,
  arrange,
  type CodeFunction,
  type Compartment,
  Memory,
  type Program,
  type Segment,
  type Shim,
  type Violation,
} from './program.ts';

const NO_ARGUMENTS = { registers: 0, stack: [] };

const PAGE = 4096;
/** Added to an address in the top 2 GiB, it gives the physical one. */
const PLACE = Number(-BigInt.asIntN(64, TOP));
const ENTRIES = 512;
const LEVELS = 4;
/** Where the kernel's part of a name ends, and the function's begins. */
const SEPARATOR = '!';
const KERNEL = 'kernel';
const STUBS = 'boot';

/** Guest-physical pages as a file has them, by frame number. */
type Pages = ReadonlyMap<number, Uint8Array>;

/** An image in an ELF file with a PVH note. */
export function readElfImage(file: Uint8Array): Program {
  const segments = loadSegments(file);
  const pages = new Map<number, Uint8Array>();
  for (const { physical, bytes, size } of segments) {
    for (let offset = 0; offset < size; offset += PAGE) {
      const page = new Uint8Array(PAGE);
      page.set(bytes.subarray(offset, offset + PAGE));
      pages.set((physical + offset) / PAGE, page);
    }
  }
  const broken = segments
    .filter(({ writable, executable }) => writable && executable)
    .map(
      ({ virtual }): Violation => ({
        rule: 'a segment is writable and executable',
        address: virtual,
      }),
    );
  const shared = checkPages(segments.map(({ physical, size }) => ({ start: physical, size })));
  return readImage(pages, [parseElf(file).entry], [...shared, ...broken]);
}

/** An image in an IGVM file, as an SNP launch puts it into memory. */
export function readIgvmImage(file: Uint8Array): Program {
  const igvm = readIgvm(file);
  const pages = new Map<number, Uint8Array>();
  for (const { gpa, type, bytes } of launchOf(igvm)) {
    if (type === Launch.NORMAL) pages.set(Number(gpa / BigInt(PAGE)), bytes);
  }
  return readImage(pages, entriesOf(igvm), []);
}

function readImage(
  pages: Pages,
  entries: readonly number[],
  broken: readonly Violation[],
): Program {
  const root = findInfo(pages);
  const info = view(ImageInfo, root);
  const mapping = mapPages(pages, info.pageTableRoot);
  const memory = new Memory(mapping.segments);
  const table = <L extends Layout>(layout: L, va: bigint, count: number): View<L>[] => {
    const bytes = memory.read(addressOf(va) ?? 0, layout.size * count);
    if (!bytes) throw new UserError('the image has a table outside of its memory');
    return Array.from({ length: count }, (_, i) => view(layout, bytes, i * layout.size));
  };
  const strings = addressOf(info.strings) ?? 0;
  const compartments = new Map<string, Compartment>();
  const granted = new Map<number, string>();
  const define = (compartment: Compartment) => compartments.set(compartment.name, compartment);
  define({ name: KERNEL, kind: 'kernel', number: 0, record: undefined });
  define({ name: STUBS, kind: 'stubs', number: 0, record: undefined });
  for (const each of table(CompartmentInfo, info.compartments, info.compartmentCount)) {
    const record = addressOf(each.memoryRecord);
    const hasMemory = each.memoryRecord !== 0n;
    const grants = grantsOf(memory, strings, addressOf(each.grants) ?? 0);
    for (const grant of grants) granted.set(...grant);
    define({
      name: text(memory, strings + each.name),
      kind: 'sandbox',
      number: each.index,
      record: hasMemory ? record : undefined,
      grants: new Set(grants.keys()),
      stackInHand: STACK_IN_HAND,
    });
  }
  const functions = table(FunctionEntry, info.functions, info.functionCount).map(
    (entry): CodeFunction => {
      const name = text(memory, strings + entry.name);
      const compartment = compartments.get(name.split(SEPARATOR)[0] ?? '');
      if (!compartment)
        throw new UserError(`the image has no compartment for its function ${name}`);
      return { name, start: placeOf(entry.start), end: placeOf(entry.end), compartment };
    },
  );
  const arranged = arrange(functions);
  const roots = table(CompartmentInfo, info.compartments, info.compartmentCount)
    .flatMap(({ entry, initialize }) => [entry, initialize])
    .flatMap((va) => (va === 0n ? [] : [addressOf(va) ?? 0]))
    .map((address) => ({ address, stackSize: 0, wide: NO_ARGUMENTS, plain: NO_ARGUMENTS }));
  return {
    kind: 'image',
    memory,
    functions: arranged.functions,
    compartments: [...compartments.values()],
    intercepts: new Map(
      table(InterceptSite, info.intercepts, info.interceptCount).map(({ place, exitCode }) => [
        placeOf(place),
        exitCode,
      ]),
    ),
    guarded: [...compartments.values()].flatMap(({ name, record }) =>
      record === undefined
        ? []
        : [
            {
              start: record,
              end: record + MemoryRecord.size,
              name: `the memory record of ${name}`,
            },
          ],
    ),
    shared: new Set(),
    roots,
    broken: [
      ...broken,
      ...mapping.broken,
      ...arranged.broken,
      ...checkGrants(granted, arranged.functions),
    ],
    shim: shimOf(info, entries, mapping),
  };
}

/** Names of the kernel's functions that a manifest grants, by their addresses. */
function grantsOf(memory: Memory, strings: number, start: number): Map<number, string> {
  const grants = new Map<number, string>();
  for (let at = start; ; at += GrantInfo.size) {
    const bytes = memory.read(at, GrantInfo.size);
    if (!bytes) throw new UserError('the image has a list of grants without an end');
    const grant = view(GrantInfo, bytes);
    if (grant.entry === 0n) return grants;
    grants.set(addressOf(grant.entry) ?? 0, text(memory, strings + grant.name));
  }
}

/** A grant's name is that of the function which it is for: `tacit_report` for `tacit.report`. */
function checkGrants(
  granted: ReadonlyMap<number, string>,
  functions: readonly CodeFunction[],
): Violation[] {
  return [...granted].flatMap(([address, grant]): Violation[] => {
    const [module, wanted] = grant.split('.');
    const { compartment, name } = functions.find(({ start }) => start === address) ?? {};
    const own = name?.split('/').at(-1);
    const isIt = own === wanted || own === `${module}_${wanted}`;
    if (compartment?.kind === 'kernel' && isIt) return [];
    return [{ rule: `a grant of ${grant} that is for something else`, address, name: name ?? '' }];
  });
}

/** What the shim is judged by: executable pages below all functions, and what it may write. */
function shimOf(
  { stackTop, stackBottom, pageTableRoot, pool, poolPages, secretsPage }: View<typeof ImageInfo>,
  entries: readonly number[],
  { segments, tables, writable }: Mapping,
): Shim {
  const pages = segments.filter(({ executable, start }) => executable && start >= 0);
  const [first] = pages;
  if (!first || pages.length > 1) throw new UserError('the image has no shim, or several');
  const [top, bottom] = [stackTop, stackBottom].map((va) => addressOf(va) ?? 0);
  const firstOfPool = pool / PAGE;
  return {
    entries,
    start: first.start,
    end: first.start + first.size,
    stack: { start: (bottom ?? 0) + PLACE, end: (top ?? 0) + PLACE },
    stackTop: top ?? 0,
    root: pageTableRoot,
    frameAt(physical) {
      const frame = Math.floor(physical / PAGE);
      const isPool = frame >= firstOfPool && frame < firstOfPool + poolPages;
      if (tables.has(frame) || isPool) return 'tables';
      return writable.has(frame) && frame !== secretsPage / PAGE ? 'data' : undefined;
    },
  };
}

/** Where the loaders of an IGVM file enter it, each with a state of its own kind. */
function entriesOf(igvm: IgvmFile): number[] {
  const withVmsa = [Igvm.PLATFORM_SNP, Igvm.PLATFORM_SEV_ES];
  const masks = withVmsa.reduce((mask, platform) => mask | (maskOf(igvm, platform) ?? 0), 0);
  return igvm.headers
    .filter(({ type }) => type === Igvm.VP_CONTEXT)
    .map((header) => {
      const { compatibilityMask, fileOffset } = contentOf(IgvmVpContext, header);
      const layout = compatibilityMask & masks ? Vmsa : IgvmNativeContext;
      return Number(view(layout, dataAt(igvm, fileOffset)).rip);
    });
}

/** The bytes of ImageInfo: it begins with its magic, as code that writes the magic may look, too. */
function findInfo(pages: Pages): Uint8Array {
  const found = [...pages].flatMap(([frame, page]) => {
    const words = [...new BigUint64Array(Uint8Array.from(page).buffer)];
    const next = pages.get(frame + 1) ?? new Uint8Array(PAGE);
    return words.flatMap((word, i) =>
      word === BigInt(IMAGE_MAGIC) ? [Uint8Array.from([...page.subarray(8 * i), ...next])] : [],
    );
  });
  const [info, ...others] = found.filter((bytes) => {
    const { pageTableRoot, stackBottom, stackTop } = view(ImageInfo, bytes);
    return pages.has(pageTableRoot / PAGE) && stackBottom < stackTop;
  });
  if (!info) throw new UserError('not an image of ours: it does not describe itself');
  if (others.length > 0) throw new UserError('an image that describes itself twice');
  return info;
}

/** Walks the page tables that the image starts with. */
function mapPages(pages: Pages, root: number): Mapping {
  const leaves: Leaf[] = [];
  const tables = new Set<number>();
  const broken: Violation[] = [];
  const visit = (
    frame: number,
    level: number,
    va: bigint,
    writable: boolean,
    executable: boolean,
  ) => {
    const page = pages.get(frame);
    if (!page) throw new UserError('the image has a page table outside of its memory');
    tables.add(frame);
    const entries = new BigUint64Array(Uint8Array.from(page).buffer);
    for (let i = 0; i < ENTRIES; i++) {
      const entry = entries[i] ?? 0n;
      if ((entry & BigInt(Paging.PRESENT)) === 0n) continue;
      const address = va | (BigInt(i) << BigInt(12 + 9 * (level - 1)));
      const isWritable = writable && (entry & BigInt(Paging.WRITABLE)) !== 0n;
      const isExecutable = executable && entry >> 63n === 0n;
      const next = Number((entry & 0xf_ffff_ffff_f000n) >> 12n);
      if (level > 1 && (entry & BigInt(Paging.PAGE_SIZE)) !== 0n) {
        throw new UserError('the image maps pages of more than 4 KiB');
      }
      if (level > 1) {
        visit(next, level - 1, address, isWritable, isExecutable);
        continue;
      }
      const canonical = addressOf(BigInt.asUintN(64, BigInt.asIntN(48, address)));
      if (canonical === undefined) {
        broken.push({
          rule: `a page is mapped at 0x${address.toString(16)}, where nothing belongs`,
        });
        continue;
      }
      leaves.push({
        address: canonical,
        frame: next,
        writable: isWritable,
        executable: isExecutable,
      });
    }
  };
  visit(root / PAGE, LEVELS, 0n, true, true);
  const writable = new Set(leaves.filter((leaf) => leaf.writable).map(({ frame }) => frame));
  return {
    segments: joinLeaves(leaves, pages),
    broken: [...broken, ...checkLeaves(leaves, writable)],
    tables,
    writable,
  };
}

interface Mapping {
  readonly segments: Segment[];
  readonly broken: Violation[];
  /** Frames of page tables, and those that are mapped writable. */
  readonly tables: ReadonlySet<number>;
  readonly writable: ReadonlySet<number>;
}

type Leaf = { address: number; frame: number; writable: boolean; executable: boolean };

/** No page may be written at one address and executed, or constant, at another. */
function checkLeaves(leaves: readonly Leaf[], written: ReadonlySet<number>): Violation[] {
  return leaves
    .filter(({ executable, writable, frame }) => (executable || !writable) && written.has(frame))
    .map(({ address, executable }) => ({
      rule: `a page is writable and ${executable ? 'executable' : 'constant'}`,
      address,
    }));
}

/** Runs of pages that are mapped alike. */
function joinLeaves(leaves: readonly Leaf[], pages: Pages): Segment[] {
  const segments: { leaf: Leaf; pages: Uint8Array[] }[] = [];
  let last: Leaf | undefined;
  for (const leaf of leaves.toSorted((a, b) => a.address - b.address)) {
    const page = pages.get(leaf.frame) ?? new Uint8Array(PAGE);
    const isNext =
      last?.address === leaf.address - PAGE &&
      last.writable === leaf.writable &&
      last.executable === leaf.executable;
    if (isNext) segments.at(-1)?.pages.push(page);
    else segments.push({ leaf, pages: [page] });
    last = leaf;
  }
  return segments.map(({ leaf, pages: run }) => ({
    start: leaf.address,
    size: run.length * PAGE,
    bytes: Buffer.concat(run),
    writable: leaf.writable,
    executable: leaf.executable,
  }));
}

/** The address at a place: a distance from TOP. */
function placeOf(place: number): number {
  return addressOf(BigInt.asUintN(64, TOP + BigInt(place))) ?? 0;
}

/** A NUL-terminated text. */
function text(memory: Memory, at: number): string {
  const segment = memory.segmentAt(at);
  if (!segment) throw new UserError('the image has a name outside of its memory');
  const from = at - segment.start;
  const end = segment.bytes.indexOf(0, from);
  return new TextDecoder().decode(segment.bytes.subarray(from, end < 0 ? undefined : end));
}
