import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { enterStub } from '../../boot/enter.ts';
import {
  CPUID_PAGE,
  ENVIRONMENT_PAGE,
  MEMORY_MAP_PAGE,
  PAGE_SIZE,
  SECRETS_PAGE,
  VP_COUNT_OFFSET,
} from '../../boot/memory-map.ts';
import { shim } from '../../boot/shim.ts';
import { trapStubs } from '../../boot/traps.ts';
import { waitStub } from '../../boot/wait.ts';
import { STACK_IN_HAND } from '../../spec/abi/platform.ts';
import { type Assembly, assembleModule, flagsFor } from '../compiler/assemblyscript.ts';
import { type Cpu, compile } from '../compiler/compile.ts';
import { bindCompartment, bindKernel, grantsOf } from '../compiler/link/bind.ts';
import { type LinkedImage, linkImage } from '../compiler/link/image.ts';
import { symbolMap } from '../compiler/link/symbol-map.ts';
import type { WasmObject } from '../compiler/object.ts';
import { readSourceMap, type SourceMap } from '../compiler/source-map.ts';
import { UserError } from '../errors.ts';
import { writeElf } from './elf.ts';
import { sevFeatures } from './features.ts';
import { writeIgvm } from './igvm.ts';
import { launchOf, readIgvm } from './igvm-reader.ts';
import { HOSTS, type Manifest, MODES } from './manifest.ts';
import { launchDigest } from './measure.ts';

export interface BuildOptions {
  /** The instructions that the image may use; the shim checks for them. */
  readonly cpu?: Cpu;
  /** Made before by {@link buildKernel} for the same `cpu`: the kernel is the same in all images. */
  readonly kernel?: BuiltKernel;
}

/** The kernel, ready to be linked. */
export interface BuiltKernel {
  readonly object: WasmObject;
  readonly sourceMap: string | undefined;
}

/** The files that a build gives, and what there is to say about them. */
export interface Build {
  readonly elf: Uint8Array;
  readonly igvm: Uint8Array;
  readonly map: string;
  /** Of an SNP launch of `igvm` by QEMU and KVM. */
  readonly launchDigest: Uint8Array;
  readonly image: LinkedImage;
  /** Milliseconds by step, in their order. */
  readonly times: ReadonlyMap<string, number>;
}

/** Number of the program's compartment. */
const PROGRAM = 1;
const WASM_PAGE_SIZE = 0x1_0000;
/** 4 KiB pages of stack for the program. */
const STACK_PAGES = 64;

/**
 * Builds the image that `manifest` describes: the same bytes from the same sources, wherever they
 * lie.
 *
 * @throws UserError for a program that does not compile, or that wants what it is not granted.
 */
export async function buildImage(
  manifest: Manifest,
  { cpu = 'x86-64', kernel: given }: BuildOptions = {},
): Promise<Build> {
  const times = new Map<string, number>();
  const [driver] = manifest.drivers;
  if (driver !== undefined) throw new UserError(`driver ${driver}: there is no such driver`);

  const kernel = given ?? (await buildKernel(cpu, times));
  const source = await timed(times, 'program: source', () => programOf(manifest));
  const { name } = manifest;
  const bind = bindCompartment({ name, index: PROGRAM, grants: manifest.imports }, kernel.object);
  const program = await timed(times, 'program: compile', () =>
    compile(source.wasm, {
      instance: name,
      mode: 'basereg',
      cpu,
      bind,
      stackInHand: STACK_IN_HAND,
    }),
  );
  const maps = { kernel: kernel.sourceMap, [name]: source.sourceMap };
  const image = await timed(times, 'link', () =>
    link(manifest, cpu, kernel.object, program, sourceMaps(maps)),
  );
  const files = await timed(times, 'files', () => writeFiles(manifest, image));
  return { ...files, image, times };
}

/** Compiles the kernel. Adds what its steps took, in milliseconds, to `times`. */
export async function buildKernel(
  cpu: Cpu = 'x86-64',
  times: Map<string, number> = new Map(),
): Promise<BuiltKernel> {
  const { wasm, sourceMap } = await timed(times, 'kernel: AssemblyScript', () =>
    assembleModule('kernel/main.ts', { flags: flagsFor.kernel }),
  );
  const object = await timed(times, 'kernel: compile', () =>
    compile(wasm, { instance: 'kernel', mode: 'base0', cpu, bind: bindKernel }),
  );
  return { object, sourceMap };
}

/** The program's module: compiled if it is a source, else as it is. */
async function programOf({ folder, program }: Manifest): Promise<Assembly> {
  const file = resolve(folder, program);
  if (program.endsWith('.wasm')) {
    try {
      return { wasm: Uint8Array.from(readFileSync(file)), sourceMap: undefined };
    } catch {
      throw new UserError(`${file}: cannot be read`);
    }
  }
  // Names in the image start at the manifest's folder: where that lies is nobody's business.
  return assembleModule(program, { flags: flagsFor.program, base: folder });
}

function sourceMaps(texts: Readonly<Record<string, string | undefined>>): Map<string, SourceMap> {
  const maps = new Map<string, SourceMap>();
  for (const [instance, text] of Object.entries(texts)) {
    if (text !== undefined) maps.set(instance, readSourceMap(text));
  }
  return maps;
}

function link(
  { host, modes, args, env, memory, imports, lazyAbove = Number.POSITIVE_INFINITY }: Manifest,
  cpu: Cpu,
  kernel: WasmObject,
  program: WasmObject,
  maps: ReadonlyMap<string, SourceMap>,
): LinkedImage {
  const { required, allowed } = sevFeatures(host);
  return linkImage({
    shim: shim({ cpu }),
    stubs: [trapStubs(), enterStub(), waitStub()],
    kernel,
    compartments: [
      {
        object: program,
        index: PROGRAM,
        entry: '_start',
        args,
        env,
        maxPages: memory / WASM_PAGE_SIZE,
        stackPages: STACK_PAGES,
        grants: grantsOf(imports, kernel),
      },
    ],
    sourceMaps: maps,
    policy: {
      modes: modes.reduce((bits, mode) => bits | (1 << MODES.indexOf(mode)), 0),
      host: HOSTS.indexOf(host),
      featuresRequired: required,
      featuresAllowed: allowed,
      ...(Number.isFinite(lazyAbove) && { lazyAbove: BigInt(lazyAbove) }),
    },
  });
}

function writeFiles({ host }: Manifest, image: LinkedImage) {
  const pages = image.regions.flatMap(({ gpa, size, bytes }) =>
    Array.from({ length: size / PAGE_SIZE }, (_, i) => {
      const page = new Uint8Array(PAGE_SIZE);
      page.set(bytes.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE));
      return { gpa: gpa + i * PAGE_SIZE, bytes: page };
    }),
  );
  const igvm = writeIgvm({
    pages,
    entry: image.igvmEntry,
    cpuidPage: CPUID_PAGE,
    secretsPage: SECRETS_PAGE,
    memoryMapPage: MEMORY_MAP_PAGE,
    environmentPage: ENVIRONMENT_PAGE,
    vpCountOffset: VP_COUNT_OFFSET,
    sevFeatures: sevFeatures(host).vmsa,
  });
  return {
    elf: writeElf(image.regions, image.pvhEntry),
    igvm,
    map: symbolMap(image),
    // From the file as it is, so that what is printed is what a host will measure.
    launchDigest: launchDigest(launchOf(readIgvm(igvm))),
  };
}

async function timed<T>(times: Map<string, number>, step: string, run: () => T | Promise<T>) {
  const start = performance.now();
  const result = await run();
  times.set(step, performance.now() - start);
  return result;
}
