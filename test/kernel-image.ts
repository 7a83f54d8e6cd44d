import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assembleModule, flagsFor } from '../tools/compiler/assemblyscript.ts';
import { compile } from '../tools/compiler/compile.ts';
import { bindKernel } from '../tools/compiler/link/bind.ts';
import { type Build, type BuiltKernel, buildImage } from '../tools/image/build.ts';
import { type Manifest, readManifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';

/** A kernel of a test's own, from its entry file; `sources` stand for files of the same name. */
export async function testKernel(
  entry: string,
  sources: ReadonlyMap<string, string> = new Map(),
): Promise<BuiltKernel> {
  const { wasm, sourceMap } = await assembleModule(entry, { flags: flagsFor.kernel, sources });
  const options = { instance: 'kernel', mode: 'base0', cpu: 'x86-64', bind: bindKernel } as const;
  return { object: compile(wasm, options), sourceMap };
}

/** The kernel with one check taken away: `text` of `file`, which must be there, becomes `instead`. */
export async function mutantKernel(
  file: string,
  text: string,
  instead: string,
): Promise<BuiltKernel> {
  const source = readFileSync(join(root, file), 'utf8');
  if (!source.includes(text)) throw new RangeError(`${file} has no ${text}`);
  return testKernel('kernel/main.ts', new Map([[file, source.replace(text, instead)]]));
}

/** An image of that kernel, with luggage's manifest, whose program it need not run. */
export async function kernelImage(
  entry: string,
  manifest: Partial<Manifest> = {},
): Promise<Uint8Array> {
  return (await kernelBuild(entry, manifest)).igvm;
}

async function kernelBuild(entry: string, manifest: Partial<Manifest>): Promise<Build> {
  const luggage = readManifest(join(root, 'examples/luggage/tacit.json'));
  return buildImage({ ...luggage, ...manifest }, { kernel: await testKernel(entry) });
}
