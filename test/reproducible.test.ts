import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../tools/root.ts';
import { tacit } from './tacit.ts';
import { trackedFiles } from './tracked-files.ts';

const names = ['luggage.elf', 'luggage.igvm', 'luggage.map'] as const;
const folder = mkdtempSync(join(tmpdir(), 'tacit-elsewhere-'));
const here = join(folder, 'here');
/** A checkout with another name, at another depth. */
const elsewhere = join(folder, 'a/deeper/path/with spaces');
let printed = '';

beforeAll(() => {
  for (const file of trackedFiles()) {
    cpSync(join(root, file), join(elsewhere, file), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(elsewhere, 'node_modules'));
  buildSync({
    entryPoints: [join(elsewhere, 'tools/cli.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile: join(elsewhere, 'build/tools/tacit.mjs'),
  });
  const first = tacit(['build', '-c', 'examples/luggage/tacit.json', '-o', here]);
  expect(first).toMatchObject({ status: 0, stderr: '' });
  printed = first.stdout;
  const args = [join(elsewhere, 'build/tools/tacit.mjs'), 'build', '-c', 'tacit.json', '-o', 'out'];
  const second = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    cwd: join(elsewhere, 'examples/luggage'),
    env: { ...process.env, TZ: 'Asia/Kathmandu', LANG: 'C', HOME: folder },
  });
  expect(second).toMatchObject({ status: 0, stderr: '' });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('luggage, built in two directories', () => {
  it.each(names)('is the same, byte for byte: %s', (name) => {
    const first = readFileSync(join(here, name));
    const second = readFileSync(join(elsewhere, 'examples/luggage/out', name));
    expect(first.equals(second)).toBe(true);
  });

  it('has the launch digest that the machine’s PSP measures', () => {
    const [, digest] = printed.match(/launch digest ([0-9a-f]{96})/) ?? [];
    const stats = join(folder, 'stats.json');
    tacit(['run', join(here, 'luggage.igvm'), '--mode', 'snp', '--stats', stats]);
    expect(JSON.parse(readFileSync(stats, 'utf8')).launchDigest).toBe(digest);
  });
});
