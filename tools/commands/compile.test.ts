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

const twoFunctions = `(module
  (func $double (export "double") (param i32) (result i32) (i32.add (local.get 0) (local.get 0)))
  (func $other (export "other") (result i32) (i32.const 7)))`;

/** Runs `compile` on two functions with further options, and gives what it printed on standard output. */
async function printed(...options: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const exe = join(folder, 'printed');
  const module = file('two.wasm', wat(twoFunctions));
  await compile(module, '--target', 'linux', '-o', exe, ...options);
  return text;
}

describe('compile --print-after', () => {
  it('prints what a pass has made of the function that is asked for, and of no other', async () => {
    const text = await printed('--print-after', 'build', '--function', 'double');
    expect(text).toMatch(/^; double after build\n/);
    expect(text).toContain('i32.add v0, v0');
    expect(text).not.toContain('other');
  });

  it('prints all functions where none is named, and each pass where all are asked for', async () => {
    const names = (text: string) => [...text.matchAll(/^; (\w+) after/gm)].map(([, name]) => name);
    expect(names(await printed('--print-after', 'select'))).toEqual(['double', 'other']);
    const all = await printed('--print-after', 'all', '--function', 'double');
    const passes = [...all.matchAll(/^; double after (\w+)$/gm)].map(([, pass]) => pass);
    expect(passes[0]).toBe('build');
    expect(passes.slice(-3)).toEqual(['select', 'allocate', 'object']);
    for (const pass of ['gvn', 'object']) {
      expect(all).toContain(await printed('--print-after', pass, '--function', 'double'));
    }
  });

  it('says which passes there are, and that there is no such function', async () => {
    await expect(printed('--print-after', 'bild')).rejects.toThrow(
      /one of build, .*object, all; got/,
    );
    const unknown = printed('--print-after', 'build', '--function', 'triple');
    await expect(unknown).rejects.toThrow('there is no function triple');
  });
});

describe('compile --time-passes', () => {
  it('says what each pass took and how much memory that was', async () => {
    const module = file('two.wasm', wat(twoFunctions));
    const lines = await compile(
      module,
      '--target',
      'linux',
      '-o',
      join(folder, 't'),
      '--time-passes',
    );
    const passes = [...lines.matchAll(/^ *\d+ ms {2}(.+)$/gm)].map(([, pass]) => pass);
    expect(passes[0]).toBe('decode');
    expect(passes).toContain('allocate');
    expect(passes.at(-1)).toBe('all passes');
    expect(lines).toMatch(/^ *\d+ MiB of memory at most$/m);
  });
});

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

  it('compiles a module without functions, whatever is to be printed of them', async () => {
    const module = file('empty.wasm', wat('(module)'));
    const output = join(folder, 'empty');
    await compile(module, '--target', 'linux', '-o', output, '--print-after', 'all');
    expect(existsSync(output)).toBe(true);
  });

  it.each(['{', 'null', '{"version":3,"sources":[],"mappings":"!!!"}'])(
    'refuses a source map that is none: %s',
    async (text) => {
      const module = file('mapped.wasm', wat('(module)'));
      file('mapped.wasm.map', text);
      const output = join(folder, 'mapped');
      await expect(compile(module, '--target', 'linux', '-o', output)).rejects.toThrow(
        'mapped.wasm.map is no source map of a module',
      );
    },
  );

  it.each([
    ['another target', ['--target', 'image'], '--target expected linux'],
    [
      'a link without a name',
      ['--target', 'linux', '--link', 'x.wasm'],
      '--link expected NAME=FILE',
    ],
    [
      'a link whose name has what ends names in symbols',
      ['--target', 'linux', '--link', 'a!b=any.wasm'],
      '--link expected a name without !, got a!b',
    ],
    ['a link that is not there', ['--target', 'linux', '--link', 'x=missing.wasm'], 'cannot read'],
  ])('refuses %s', async (_, args, message) => {
    const main = file('any.wasm', wat('(module)'));
    await expect(compile(main, ...args, '-o', join(folder, 'x'))).rejects.toThrow(message);
  });
});
