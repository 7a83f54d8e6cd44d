import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../tools/compiler/compile.ts';
import { bindKernel } from '../tools/compiler/link/bind.ts';
import { type Build, type BuiltKernel, buildImage } from '../tools/image/build.ts';
import { type Manifest, readManifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';
import { assembledKernel } from './kernel/module.ts';

/** A kernel of a test's own, from its entry file; `sources` stand for files of the same name. */
export async function testKernel(
  entry: string,
  sources: ReadonlyMap<string, string> = new Map(),
): Promise<BuiltKernel> {
  const { wasm, sourceMap } = await assembledKernel(entry, sources);
  const options = { instance: 'kernel', mode: 'base0', cpu: 'x86-64', bind: bindKernel } as const;
  return { object: compile(wasm, options), sourceMap };
}

/** The kernel with one check taken away: `text` of `file`, which must be there, becomes `instead`. */
export async function mutantKernel(
  file: string,
  text: string,
  instead: string,
): Promise<BuiltKernel> {
  return testKernel('kernel/main.ts', withReplacements([{ file, text, instead }]));
}

/** A piece of a source, and what a test puts in its place. */
export interface Replacement {
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

/** The sources in which each text, which must be there once, is replaced. */
export function withReplacements(replacements: readonly Replacement[]): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { file, text, instead } of replacements) {
    const parts = (sources.get(file) ?? readFileSync(join(root, file), 'utf8')).split(text);
    if (parts.length !== 2) throw new RangeError(`${file} has ${parts.length - 1} times: ${text}`);
    sources.set(file, parts.join(instead));
  }
  return sources;
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
