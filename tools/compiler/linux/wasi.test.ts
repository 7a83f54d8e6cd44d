import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { WASI } from 'node:wasi';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { linesOf, runExecutable } from '../../../test/differential/native.ts';
import { wat } from '../../../test/wat.ts';
import { makeExecutable } from './executable.ts';
import { compileRuntime } from './runtime.ts';

/** Imports that the proxy passes on, by name: the letters of their parameters, i for i32 and l for i64. */
const functions: Readonly<Record<string, string>> = {
  fd_close: 'i',
  fd_filestat_get: 'ii',
  fd_filestat_set_size: 'il',
  fd_filestat_set_times: 'illi',
  fd_prestat_get: 'ii',
  fd_prestat_dir_name: 'iii',
  fd_read: 'iiii',
  fd_pread: 'iiili',
  fd_readdir: 'iiili',
  fd_renumber: 'ii',
  fd_seek: 'ilii',
  fd_tell: 'ii',
  fd_write: 'iiii',
  path_create_directory: 'iii',
  path_filestat_get: 'iiiii',
  path_link: 'iiiiiii',
  path_open: 'iiiiillii',
  path_readlink: 'iiiiii',
  path_remove_directory: 'iii',
  path_rename: 'iiiiii',
  path_symlink: 'iiiii',
  path_unlink_file: 'iii',
  poll_oneoff: 'iiii',
  clock_time_get: 'ili',
};

const typeOf = (letter: string) => (letter === 'l' ? 'i64' : 'i32');

/** A module whose exports are WASI's functions, and `load8` and `store8` for what they point to. */
function proxy(): string {
  const entries = Object.entries(functions);
  const params = (letters: string) => [...letters].map((l) => `(param ${typeOf(l)})`).join(' ');
  const imports = entries.map(
    ([name, letters]) =>
      `(import "wasi_snapshot_preview1" "${name}" (func $${name} ${params(letters)} (result i32)))`,
  );
  const exports = entries.map(([name, letters]) => {
    const operands = [...letters].map((_, i) => `(local.get ${i})`).join(' ');
    return `(func (export "${name}") ${params(letters)} (result i32) (call $${name} ${operands}))`;
  });
  return `(module ${imports.join('\n')}
    (memory (export "memory") 1)
    ${exports.join('\n')}
    (func (export "store8") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0))))`;
}

let program: Uint8Array;
beforeAll(async () => {
  program = makeExecutable({ wasm: wat(proxy()) }, [], await compileRuntime());
});

let folder: string;
const folders: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-wasi-'));
  folders.push(folder);
});
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true });
});

/** Texts lie in the memory from here on, 256 bytes each; results from 0. */
const TEXTS = 0x8000;

/** A session with the proxy: calls are collected, then made all at once. */
class Session {
  private readonly lines: string[] = [];
  private texts = 0;
  private answers: string[] = [];

  /** Makes a call; its answer is at the index returned. */
  call(name: string, ...values: (number | bigint)[]): number {
    const letters = functions[name] ?? 'i'.repeat(values.length);
    const operands = values.map((value, i) =>
      letters[i] === 'l'
        ? `i64:${BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, '0')}`
        : `i32:${BigInt.asUintN(32, BigInt(value)).toString(16).padStart(8, '0')}`,
    );
    return this.lines.push([name, ...operands].join(' ')) - 1;
  }

  /** Puts bytes into the memory: where they are, and how many. */
  text(contents: string | Uint8Array): [number, number] {
    const bytes = Buffer.from(contents);
    const at = TEXTS + 256 * this.texts;
    this.texts += 1;
    for (const [i, byte] of bytes.entries()) this.call('store8', at + i, byte);
    return [at, bytes.length];
  }

  /** An iovec for a buffer. */
  vector(at: number, size: number): number {
    return this.text(new Uint8Array(Uint32Array.of(at, size).buffer))[0];
  }

  /** Reads bytes of the memory: the index of the first answer. */
  bytes(at: number, size: number): number {
    const first = this.lines.length;
    for (let i = 0; i < size; i++) this.call('load8', at + i);
    return first;
  }

  run(...options: string[]): void {
    const input = this.lines.map((line) => `${line}\n`).join('');
    const { stdout, stderr } = runExecutable(program, [...options, '--batch'], input);
    expect(stderr).toBe('');
    this.answers = linesOf(stdout);
  }

  number(index: number): number {
    return Number.parseInt((this.answers[index] ?? '').replace('i32:', ''), 16);
  }

  read(first: number, size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, (_, i) => this.number(first + i)));
  }
}

const CREAT = 1;
const DIRECTORY = 2;
const READ_WRITE = 0x42n;
const READ = 0x2n;
const ROOT = 3;

function open(session: Session, path: string, how: number, rights = READ_WRITE, follow = 1) {
  return session.call('path_open', ROOT, follow, ...session.text(path), how, rights, 0n, 0, 0);
}

describe('a directory of --dir', () => {
  it('is known by its name, or by the name given after ::', () => {
    for (const [option, name] of [
      [folder, folder],
      [`${folder}::/work`, '/work'],
    ] as const) {
      const session = new Session();
      const got = session.call('fd_prestat_get', ROOT, 0);
      const stat = session.bytes(0, 8);
      const named = session.call('fd_prestat_dir_name', ROOT, 16, name.length);
      const bytes = session.bytes(16, name.length);
      const none = session.call('fd_prestat_get', ROOT + 1, 0);
      session.run('--dir', option);
      expect([session.number(got), session.number(named), session.number(none)]).toEqual([0, 0, 8]);
      expect(session.read(stat, 8).readUInt32LE(4)).toBe(name.length);
      expect(session.read(bytes, name.length).toString()).toBe(name);
    }
  });

  it('that cannot be opened is an error', () => {
    const { stderr, status } = runExecutable(program, [
      '--dir',
      join(folder, 'missing'),
      '--batch',
    ]);
    expect(stderr).toContain('--dir');
    expect(status).toBe(2);
  });

  it('takes files, directories and links, and gives them back', () => {
    const session = new Session();
    const results = [
      session.call('path_create_directory', ROOT, ...session.text('d')),
      open(session, 'd/f', CREAT),
      session.call('fd_write', 4, session.vector(...session.text('contents')), 1, 0),
      session.call('fd_seek', 4, -4n, 2, 8),
    ];
    const place = session.bytes(8, 1);
    results.push(session.call('fd_read', 4, session.vector(32, 16), 1, 0));
    const read = session.bytes(32, 4);
    results.push(session.call('fd_filestat_get', 4, 64));
    const status = session.bytes(64, 64);
    results.push(
      session.call('fd_filestat_set_size', 4, 3n),
      session.call('fd_pread', 4, session.vector(32, 16), 1, 1n, 0),
    );
    const count = session.bytes(0, 1);
    results.push(
      session.call('path_symlink', ...session.text('f'), ROOT, ...session.text('d/link')),
      session.call('path_readlink', ROOT, ...session.text('d/link'), 40, 8, 0),
    );
    const link = session.bytes(40, 1);
    results.push(
      session.call('path_rename', ROOT, ...session.text('d/f'), ROOT, ...session.text('g')),
      session.call('path_link', ROOT, 0, ...session.text('g'), ROOT, ...session.text('h')),
      session.call('path_unlink_file', ROOT, ...session.text('d/link')),
      session.call('path_remove_directory', ROOT, ...session.text('d/')),
      session.call('fd_close', 4),
    );
    const closed = session.call('fd_close', 4);
    session.run('--dir', folder);
    expect(results.map((result) => session.number(result))).toEqual(results.map(() => 0));
    expect(session.number(place)).toBe(4);
    expect(session.read(read, 4).toString()).toBe('ents');
    expect(session.read(status, 64)[16]).toBe(4);
    expect(session.read(status, 64).readBigUInt64LE(32)).toBe(8n);
    expect(session.number(count)).toBe(2);
    expect(session.read(link, 1).toString()).toBe('f');
    expect(session.number(closed)).toBe(8);
    expect(existsSync(join(folder, 'd'))).toBe(false);
    expect(readFileSync(join(folder, 'h'), 'utf8')).toBe('con');
  });

  it('is listed entry by entry, also when the buffer is too small for all', () => {
    for (const name of ['one', 'two', 'three']) writeFileSync(join(folder, name), '');
    const session = new Session();
    const whole = session.call('fd_readdir', ROOT, 0x1000, 4096, 0n, 0);
    const used = session.bytes(0, 4);
    const entries = session.bytes(0x1000, 200);
    const cut = session.call('fd_readdir', ROOT, 0x2000, 30, 0n, 0);
    const cutUsed = session.bytes(0, 4);
    session.run('--dir', folder);
    expect([session.number(whole), session.number(cut)]).toEqual([0, 0]);
    expect(session.read(cutUsed, 4).readUInt32LE(0)).toBe(30);
    const names: string[] = [];
    const size = session.read(used, 4).readUInt32LE(0);
    const bytes = session.read(entries, size);
    for (let at = 0; at < size; ) {
      const length = bytes.readUInt32LE(at + 16);
      names.push(bytes.toString('utf8', at + 24, at + 24 + length));
      at += 24 + length;
    }
    expect(names.sort()).toEqual(['.', '..', 'one', 'three', 'two']);
  });

  it('is not left by .., by absolute paths, or by links', () => {
    symlinkSync('/etc', join(folder, 'out'));
    symlinkSync('..', join(folder, 'up'));
    const session = new Session();
    const NOTCAPABLE = 76;
    const refused = [
      open(session, '../x', CREAT),
      open(session, '/etc/passwd', 0, READ),
      open(session, 'out/passwd', 0, READ),
      open(session, 'up/x', CREAT),
      open(session, 'up', DIRECTORY, READ),
      session.call('path_create_directory', ROOT, ...session.text('../x')),
      session.call('path_unlink_file', ROOT, ...session.text('out/passwd')),
      session.call('path_rename', ROOT, ...session.text('out'), ROOT, ...session.text('../y')),
      session.call('path_filestat_get', ROOT, 1, ...session.text('out/passwd'), 0),
      session.call('path_symlink', ...session.text('x'), ROOT, ...session.text('/x')),
    ];
    const nothing = open(session, '', 0);
    const zero = open(session, 'a\0b', 0);
    refused.push(
      session.call('path_readlink', ROOT, ...session.text('out/'), 40, 8, 0),
      session.call('path_link', ROOT, 0, ...session.text('out/'), ROOT, ...session.text('y')),
    );
    session.run('--dir', folder);
    expect(refused.map((result) => session.number(result))).toEqual(refused.map(() => NOTCAPABLE));
    expect(session.number(nothing)).toBe(44);
    expect(session.number(zero)).toBe(25);
  });
});

type Text = (text: string) => [at: number, size: number];
type Call = (path: string, other: string, text: Text) => number[];

/** Calls with a path, of which some have another that is in the same folder. */
const WITH_PATHS: readonly (readonly [does: string, name: string, call: Call])[] = [
  ['removed', 'path_unlink_file', (path, _, text) => [ROOT, ...text(path)]],
  ['removed as a directory', 'path_remove_directory', (path, _, text) => [ROOT, ...text(path)]],
  ['made a directory', 'path_create_directory', (path, _, text) => [ROOT, ...text(path)]],
  ['read as a link', 'path_readlink', (path, _, text) => [ROOT, ...text(path), 64, 64, 0]],
  ['made a link', 'path_symlink', (path, _, text) => [...text('f'), ROOT, ...text(path)]],
  [
    'linked to',
    'path_link',
    (path, _, text) => [ROOT, 0, ...text(path), ROOT, ...text(`${dirname(path)}/new`)],
  ],
  [
    'the name of a hard link',
    'path_link',
    (path, other, text) => [ROOT, 0, ...text(other), ROOT, ...text(path)],
  ],
  [
    'renamed',
    'path_rename',
    (path, _, text) => [ROOT, ...text(path), ROOT, ...text(`${dirname(path)}/new/`)],
  ],
  ['a new name', 'path_rename', (path, other, text) => [ROOT, ...text(other), ROOT, ...text(path)]],
];

describe('a name with a slash after it is a directory, as in node:wasi, when it is', () => {
  const names = ['file', 'directory', 'missing', 'to-file', 'to-directory', 'to-nothing'];
  const cases = names.flatMap((name, i) => [`${i}/${name}`, `${i}-slash/${name}/`]);

  function fill(root: string): void {
    for (const path of cases) {
      const at = join(root, dirname(path));
      mkdirSync(join(at, 'directory'), { recursive: true });
      for (const name of ['file', 'other']) writeFileSync(join(at, name), name);
      symlinkSync('file', join(at, 'to-file'));
      symlinkSync('directory', join(at, 'to-directory'));
      symlinkSync('nowhere', join(at, 'to-nothing'));
    }
  }

  /** All paths below a folder, those of directories and links marked. */
  function tree(root: string): string[] {
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .map((entry) => {
        const mark = entry.isDirectory() ? '/' : entry.isSymbolicLink() ? '@' : '';
        return relative(root, join(entry.parentPath, entry.name)) + mark;
      })
      .sort();
  }

  it.each(WITH_PATHS)('%s (%s)', (_, name, call) => {
    const [own, nodes] = ['own', 'node'].map((each) => join(folder, each)) as [string, string];
    for (const root of [own, nodes]) fill(root);
    const session = new Session();
    const other = (path: string) => `${dirname(path)}/other`;
    const made = cases.map((path) =>
      session.call(name, ...call(path, other(path), (text) => session.text(text))),
    );
    session.run('--dir', own);

    const wasi = new WASI({ version: 'preview1', preopens: { '/': nodes } });
    const instance = new WebAssembly.Instance(
      new WebAssembly.Module(Uint8Array.from(wat(proxy()))),
      wasi.getImportObject() as WebAssembly.Imports,
    );
    const memory = instance.exports.memory as WebAssembly.Memory;
    wasi.initialize({ exports: { memory } });
    const expected = cases.map((path) => {
      let at = TEXTS;
      const text: Text = (text) => {
        const bytes = Buffer.from(text);
        new Uint8Array(memory.buffer).set(bytes, at);
        at += 256;
        return [at - 256, bytes.length];
      };
      return (instance.exports[name] as (...values: number[]) => number)(
        ...call(path, other(path), text),
      );
    });
    const named = (results: readonly number[]) => results.map((result, i) => [cases[i], result]);
    expect(named(made.map((result) => session.number(result)))).toEqual(named(expected));
    expect(tree(own)).toEqual(tree(nodes));
  });
});

describe('the standard streams', () => {
  /** Closes streams, opens `out` as what is free then, and traps. */
  const trapping = (...closed: number[]) => `(module
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open
      (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "out")
    (func (export "_start")
      ${closed.map((fd) => `(drop (call $close (i32.const ${fd})))`).join('\n')}
      (if (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 3) (i32.const 1)
        (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0)) (then (return)))
      unreachable))`;

  it('when closed are free for files of the program, which get no trap report', async () => {
    const executable = makeExecutable({ wasm: wat(trapping(1, 2)) }, [], await compileRuntime());
    const { stderr, status } = runExecutable(executable, ['--dir', folder]);
    expect(linesOf(stderr)[0]).toBe('trap: unreachable');
    expect(status).toBe(134);
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('');
  });

  it('when missing from the start are no file of the program either', async () => {
    const executable = makeExecutable({ wasm: wat(trapping()) }, [], await compileRuntime());
    const { status } = runExecutable(executable, ['--dir', folder], '', '>&- 2>&-');
    expect(status).toBe(134);
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('');
  });

  it('when closed or renumbered go on as those of --batch', () => {
    const session = new Session();
    const results = [
      open(session, 'f', CREAT),
      session.call('fd_renumber', 4, 1),
      open(session, 'g', CREAT),
      session.call('fd_renumber', 2, 4),
      session.call('fd_close', 4),
      session.call('fd_close', 0),
      open(session, 'g', 0),
      session.call('fd_write', 1, session.vector(...session.text('to f')), 1, 0),
      session.call('fd_write', 0, session.vector(...session.text('to g')), 1, 0),
    ];
    const closed = session.call('fd_write', 2, session.vector(...session.text('lost')), 1, 0);
    session.run('--dir', folder);
    expect(results.map((result) => session.number(result))).toEqual(results.map(() => 0));
    expect(session.number(closed)).toBe(8);
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('to f');
    expect(readFileSync(join(folder, 'g'), 'utf8')).toBe('to g');
  });

  it('that are missing are not open, and no directory of --dir is in their place', () => {
    const call = (fd: number) => {
      const args = ['--dir', folder, '--invoke', 'fd_prestat_get', String(fd), '0'];
      return runExecutable(program, args, '', '<&-').stdout;
    };
    expect([0, ROOT, ROOT + 1].map(call)).toEqual(['8\n', '0\n', '8\n']);
    const status = ['--dir', folder, '--invoke', 'fd_filestat_get', '0', '0'];
    expect(runExecutable(program, status, '', '<&-').stdout).toBe('8\n');
  });
});

describe('waiting', () => {
  it('for a span of time ends after it, with the subscription told', () => {
    const subscription = Buffer.alloc(48);
    subscription.writeBigUInt64LE(77n, 0);
    subscription.writeUInt32LE(1, 16);
    subscription.writeBigUInt64LE(20_000_000n, 24);
    const session = new Session();
    const [at] = session.text(subscription);
    session.call('clock_time_get', 1, 0n, 512);
    const before = session.bytes(512, 8);
    const polled = session.call('poll_oneoff', at, 0x100, 1, 0);
    session.call('clock_time_get', 1, 0n, 512);
    const after = session.bytes(512, 8);
    const count = session.bytes(0, 4);
    const event = session.bytes(0x100, 32);
    session.run();
    expect(session.number(polled)).toBe(0);
    expect(session.read(count, 4).readUInt32LE(0)).toBe(1);
    expect(session.read(event, 32).readBigUInt64LE(0)).toBe(77n);
    const span =
      session.read(after, 8).readBigUInt64LE(0) - session.read(before, 8).readBigUInt64LE(0);
    expect(Number(span)).toBeGreaterThanOrEqual(20_000_000);
  });
});
