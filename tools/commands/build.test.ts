import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../errors.ts';
import { launchOf, readIgvm } from '../image/igvm-reader.ts';
import { launchDigest } from '../image/measure.ts';
import { register } from './build.ts';

const folder = mkdtempSync(join(tmpdir(), 'tacit-command-'));
const printed: string[] = [];

beforeEach(() => {
  printed.length = 0;
  rmSync(join(folder, 'out'), { recursive: true, force: true });
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    printed.push(line);
  });
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true }));

async function build(manifest: object, ...options: string[]): Promise<void> {
  const config = join(folder, 'made.json');
  writeFileSync(config, JSON.stringify(manifest));
  writeFileSync(join(folder, 'made.ts'), 'let n = 0; n++;');
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  register(program);
  const args = ['build', '-c', config, '-o', join(folder, 'out'), ...options];
  await program.parseAsync(args, { from: 'user' });
}

describe('tacit build', () => {
  it('writes three files and prints their sizes and the digest of the IGVM file', async () => {
    await build({ name: 'made', program: 'made.ts' });
    const out = join(folder, 'out');
    expect(readdirSync(out).sort()).toEqual(['made.elf', 'made.igvm', 'made.map']);
    const elf = readFileSync(join(out, 'made.elf'));
    expect(printed).toContain(`${join(out, 'made.elf')}  ${elf.length} bytes`);
    const pages = launchOf(readIgvm(readFileSync(join(out, 'made.igvm'))));
    const digest = Buffer.from(launchDigest(pages)).toString('hex');
    expect(printed).toContain(`launch digest ${digest}`);
  });

  it('writes nothing if the manifest is wrong', async () => {
    await expect(build({ name: 'made', program: 'made.ts', mode: 'snp' })).rejects.toThrow(
      'made.json: unknown key "mode"',
    );
    expect(readdirSync(folder)).not.toContain('out');
  });

  it('writes nothing if the program does not compile', async () => {
    const failing = build({ name: 'made', program: 'missing.ts' });
    await expect(failing).rejects.toThrow(UserError);
    expect(readdirSync(folder)).not.toContain('out');
  });

  it('refuses a folder that is a file', async () => {
    const made = { name: 'made', program: 'made.ts' };
    const file = join(folder, 'made.ts');
    await expect(build(made, '-o', file)).rejects.toThrow(`${file}: cannot be made a folder`);
  });

  it('leaves nothing behind when a file cannot be written', async () => {
    mkdirSync(join(folder, 'out/made.igvm.new'), { recursive: true });
    await expect(build({ name: 'made', program: 'made.ts' })).rejects.toThrow(UserError);
    expect(readdirSync(join(folder, 'out'))).toEqual(['made.igvm.new']);
  });

  it('refuses a level of CPU that it does not know', async () => {
    await expect(build({ name: 'made', program: 'made.ts' }, '--cpu', 'i386')).rejects.toThrow(
      /Allowed choices are x86-64, x86-64-v2, x86-64-v3/,
    );
  });
});
