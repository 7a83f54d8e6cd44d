import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { elfFile } from '../emulator/launch/test-images.ts';
import { register } from './run.ts';

/** In 32-bit mode: sends "ok\n" to the console and 7 to the exit port. */
// biome-ignore format: an instruction a line
const CODE = Uint8Array.of(
  0x66, 0xba, 0xf8, 0x03,
  0xb0, 0x6f, 0xee,
  0xb0, 0x6b, 0xee,
  0xb0, 0x0a, 0xee,
  0xb8, 0x07, 0x00, 0x00, 0x00,
  0x66, 0xba, 0xf4, 0x00,
  0xef,
  0xf4,
);

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-run-'));
  const image = elfFile({ entry: 0x10_0000, segments: [{ gpa: 0x10_0000, code: CODE }] });
  writeFileSync(join(folder, 'image.elf'), image);
});

afterAll(() => rmSync(folder, { recursive: true }));

afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

/** Runs the command; its exit code and what it wrote. */
async function run(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out.push(Buffer.from(text as Uint8Array).toString());
    return true;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => err.push(String(text)));
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  register(program);
  await program.parseAsync(['run', join(folder, 'image.elf'), ...args], { from: 'user' });
  return { code: process.exitCode, out: out.join(''), err: err.join('\n') };
}

describe('the command run', () => {
  it('passes the console on and ends with the code of the guest', async () => {
    expect(await run()).toEqual({ code: 7, out: 'ok\n', err: '' });
  });

  it('writes dump and statistics, however the run ends', async () => {
    const dump = join(folder, 'dump');
    const stats = join(folder, 'stats');
    const ended = await run(
      '--memory',
      '2M',
      '--max-instructions',
      '3',
      '--dump',
      dump,
      '--stats',
      stats,
    );
    expect(ended).toMatchObject({ code: 5, out: 'o', err: expect.stringContaining('limit') });
    expect(readFileSync(dump).length).toBe(2 * 2 ** 20 + 4096);
    expect(JSON.parse(readFileSync(stats, 'utf8'))).toEqual({
      mode: 'none',
      instructions: 3,
      wallSeconds: expect.any(Number),
      exits: { total: 2, byReason: { NPF: 1, IOIO: 1 } },
      vc: { total: 0, beforeGhcb: 0, bySite: {} },
      pvalidates: { validate4k: 0, validate2m: 0, rescind: 0 },
      lines: [],
      pages: { private: 0, shared: 512, hypervisor: 0, unvalidated: 0 },
      launchDigest: null,
      exitCode: 5,
      termination: 'limit',
      resets: 0,
    });
  });

  it('tells each exit on request', async () => {
    const { err } = await run('--trace', 'exits');
    expect(err.split('\n').map((line) => line.split(' ')[2])).toEqual([
      'NPF',
      ...['IOIO', 'IOIO', 'IOIO', 'IOIO'],
    ]);
  });

  it.each([
    [['--memory', '3'], /--memory 3: whole pages/],
    [['--memory', '1M'], /between 2M and 3584M/],
    [['--memory', '4G'], /between 2M and 3584M/],
    [['--seed', 'x'], /--seed x/],
    [['--max-instructions', '-1'], /--max-instructions -1/],
    [['--mode', 'snp'], /image\.igvm$/],
    [['--mode', 'tdx'], /Allowed choices/],
    [['--host', 'xen'], /Allowed choices/],
    [['--dump', '/nowhere/dump'], /cannot write/],
  ])('refuses %j in a line', async (args, message) => {
    await expect(run(...args)).rejects.toThrow(message);
  });
});

/** In 32-bit mode: sends "a" to the console and 6 to port CF9h. */
// biome-ignore format: an instruction a line
const RESET = Uint8Array.of(
  0x66, 0xba, 0xf8, 0x03,
  0xb0, 0x61, 0xee,
  0x66, 0xba, 0xf9, 0x0c,
  0xb0, 0x06, 0xee,
  0xf4,
);

describe('run, of a guest that asks for a reset', () => {
  const image = () => {
    const bytes = elfFile({ entry: 0x10_0000, segments: [{ gpa: 0x10_0000, code: RESET }] });
    writeFileSync(join(folder, 'image.elf'), bytes);
  };

  it('goes on, and counts resets; with --no-reset it ends', async () => {
    image();
    const stats = join(folder, 'stats.json');
    const long = await run('--max-instructions', '18', '--stats', stats);
    expect(long).toMatchObject({ code: 5, out: 'aaa' });
    expect(JSON.parse(readFileSync(stats, 'utf8'))).toMatchObject({ resets: 3 });
    expect(await run('--no-reset')).toMatchObject({ code: 0, out: 'a' });
  });

  it('is in the hands of a script with --hostile', async () => {
    image();
    const script = join(folder, 'script.ts');
    const text = 'host.onExit(0x7b, (exit: { info1: bigint }, honest: () => void) =>';
    writeFileSync(
      script,
      `export default (host: any) => { ${text} {
        if (exit.info1 >> 16n === 0xcf9n) host.machine.hypervisor.end({ kind: 'exit', code: 9 });
        else honest();
      }); };`,
    );
    expect(await run('--hostile', script)).toMatchObject({ code: 9, out: 'a' });
    await expect(run('--hostile', join(folder, 'none.ts'))).rejects.toThrow(/none\.ts/);
  });
});
