import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Cpu } from '../compiler/compile.ts';
import { UserError } from '../errors.ts';
import { buildImage } from '../image/build.ts';
import { readManifest } from '../image/manifest.ts';
import { writeOutputs } from '../output-file.ts';

interface Options {
  readonly config: string;
  readonly output: string;
  readonly cpu: Cpu;
  readonly times?: boolean;
}

/** `build`: a program and the kernel become NAME.elf, NAME.igvm and NAME.map. */
export function register(program: Command): void {
  program
    .command('build')
    .description('build the image that a manifest describes')
    .option('-c, --config <file>', 'the manifest', 'tacit.json')
    .option('-o, --output <dir>', 'where the files go', 'build')
    .addOption(
      new Option('--cpu <level>', 'the instructions that the image may use')
        .choices(['x86-64', 'x86-64-v2', 'x86-64-v3'])
        .default('x86-64'),
    )
    .option('--times', 'print what each step took')
    .action(build);
}

async function build({ config, output, cpu, times }: Options): Promise<void> {
  const manifest = readManifest(config);
  const result = await buildImage(manifest, { cpu });
  const files = [
    [`${manifest.name}.elf`, result.elf],
    [`${manifest.name}.igvm`, result.igvm],
    [`${manifest.name}.map`, result.map],
  ] as const;
  makeFolder(output);
  writeOutputs(files.map(([name, content]) => [join(output, name), content] as const));
  for (const [name, content] of files)
    console.log(`${join(output, name)}  ${content.length} bytes`);
  for (const { name, size, bytes } of result.image.regions) {
    if (bytes.length > 0) console.log(`  ${name.padEnd(9)} ${bytes.length} of ${size} bytes`);
  }
  console.log(`launch digest ${Buffer.from(result.launchDigest).toString('hex')}`);
  if (times) {
    for (const [step, milliseconds] of result.times) {
      console.log(`${milliseconds.toFixed(0).padStart(6)} ms  ${step}`);
    }
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    throw new UserError(`${folder}: cannot be made a folder`);
  }
}
