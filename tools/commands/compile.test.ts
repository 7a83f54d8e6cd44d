import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { wat } from '../../test/wat.ts';
import { register } from './compile.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-compile-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

/** Runs `compile` with these arguments, and gives what it printed on standard error. */
async function compile(...args: string[]): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)));
  const program = new Command().exitOverride();
  register(program);
  await program.parseAsync(['compile', ...args], { from: 'user' });
  return lines.join('\n');
}

function file(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents);
  return path;
}

describe('compile', () => {
  it('writes an executable that links the modules given', async () => {
    const main = file(
      'main.wasm',
      wat(`(module
        (import "math" "double" (func $double (param i32) (result i32)))
        (func (export "f") (param i32) (result i32)
          (i32.add (call $double (local.get 0)) (i32.const 1))))`),
    );
    const math = file(
      'math.wasm',
      wat(`(module (func (export "double") (param i32) (result i32)
        (i32.shl (local.get 0) (i32.const 1))))`),
    );
    const output = join(folder, 'program');
    const complaint = await compile(
      main,
      '--link',
      `math=${math}`,
      '--target',
      'linux',
      '-o',
      output,
    );
    expect(complaint).toBe('');
    const { stdout } = spawnSync(output, ['--invoke', 'f', '20'], { encoding: 'utf8' });
    expect(stdout).toBe('41\n');
  });

  it.each([
    ['malformed', Uint8Array.of(0, 1, 2, 3)],
    ['invalid', wat('(module (func (result i32)))')],
    ['unlinkable', wat('(module (import "nowhere" "f" (func)))')],
    // A memory with 64-bit addresses.
    ['unsupported', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 4, 1)],
  ])(
    'refuses a module that is %s in one line that begins so, writing nothing',
    async (kind, wasm) => {
      const output = join(folder, `${kind}.exe`);
      const complaint = await compile(
        file(`${kind}.wasm`, wasm),
        '--target',
        'linux',
        '-o',
        output,
      );
      expect(complaint).toMatch(new RegExp(`^${kind}: .+$`));
      expect(process.exitCode).toBe(2);
      expect(existsSync(output)).toBe(false);
    },
  );

  it.each([
    ['another target', ['--target', 'image'], '--target expected linux'],
    [
      'a link without a name',
      ['--target', 'linux', '--link', 'x.wasm'],
      '--link expected NAME=FILE',
    ],
    ['a link that is not there', ['--target', 'linux', '--link', 'x=missing.wasm'], 'cannot read'],
  ])('refuses %s', async (_, args, message) => {
    const main = file('any.wasm', wat('(module)'));
    await expect(compile(main, ...args, '-o', join(folder, 'x'))).rejects.toThrow(message);
  });
});
