import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../root.ts';

const tacit = join(root, 'build/tools/tacit.mjs');
const folder = join(root, 'build/bench');

/** How a boot of luggage went. */
export interface Boot {
  readonly mode: string;
  readonly instructions: number;
  readonly seconds: number;
  /** Guest instructions from the first one to the end of the program's first console line. */
  readonly toFirstLine: number;
}

/** What a build of luggage took and made. */
export interface Build {
  readonly seconds: number;
  /** File name and bytes. */
  readonly images: readonly (readonly [name: string, bytes: number])[];
}

/** Builds luggage with the command that a user types, tools and kernel sources as they are. */
export function measureBuild(): Build {
  const start = performance.now();
  call('build', '-c', join(root, 'examples/luggage/tacit.json'), '-o', folder);
  const seconds = (performance.now() - start) / 1000;
  const images = ['luggage.elf', 'luggage.igvm'].map(
    (name) => [name, statSync(join(folder, name)).size] as const,
  );
  return { seconds, images };
}

/** Boots what {@link measureBuild} built, until it halts. */
export function measureBoot(mode: string): Boot {
  mkdirSync(folder, { recursive: true });
  const stats = join(folder, `${mode}.json`);
  const image = join(folder, mode === 'none' ? 'luggage.elf' : 'luggage.igvm');
  const lines = call('run', image, '--mode', mode, '--stats', stats).split('\n');
  const report = JSON.parse(readFileSync(stats, 'utf8'));
  const first = lines.findIndex((line) => line.startsWith('luggage: '));
  return {
    mode,
    instructions: report.instructions,
    seconds: report.wallSeconds,
    toFirstLine: report.lines[first]?.instructions ?? Number.NaN,
  };
}

function call(...args: readonly string[]): string {
  mkdirSync(folder, { recursive: true });
  const result = spawnSync(process.execPath, [tacit, ...args], { encoding: 'utf8', cwd: root });
  if (result.status !== 0) {
    throw new Error(`tacit ${args.join(' ')}: exit code ${result.status}\n${result.stderr}`);
  }
  return result.stdout;
}
