import { describe, expect, it } from 'vitest';
import { UserError } from '../errors.ts';
import { parseManifest, readManifest } from './manifest.ts';

const least = { name: 'hello', program: 'hello.ts' };
const parse = (fields: object) => parseManifest(JSON.stringify(fields), '/here', 'tacit.json');

describe('a manifest', () => {
  it('needs a name and a program, and has defaults for the rest', () => {
    expect(parse(least)).toEqual({
      folder: '/here',
      name: 'hello',
      program: 'hello.ts',
      args: [],
      env: {},
      modes: ['snp'],
      host: 'kvm',
      memory: 64 * 1024 * 1024,
      lazyAbove: Number.POSITIVE_INFINITY,
      imports: [],
      drivers: [],
    });
  });

  it('is taken as it stands', () => {
    const all = {
      name: 'web-1',
      program: 'a/b.wasm',
      args: ['-v', ''],
      env: { HOME: '/', EMPTY: '' },
      modes: ['snp', 'none'],
      host: 'hv',
      memory: '512K',
      lazyAbove: '1G',
      imports: ['wasi_snapshot_preview1.*', 'tacit.report'],
      drivers: ['net'],
    };
    expect(parse(all)).toEqual({ folder: '/here', ...all, memory: 512 * 1024, lazyAbove: 2 ** 30 });
  });

  it.each([
    [{ program: 'a.ts' }, 'tacit.json: "name" is missing'],
    [{ name: 'a' }, 'tacit.json: "program" is missing'],
    [{ ...least, name: '../a' }, 'tacit.json: "name" expected a name of'],
    [{ ...least, name: 'kernel' }, 'tacit.json: "name" expected a name of'],
    [{ ...least, program: 'a.js' }, 'tacit.json: "program" expected a path that ends in .ts or'],
    [{ ...least, args: 'x' }, 'tacit.json: "args" expected a list, each a text without NUL'],
    [{ ...least, args: ['a\0b'] }, 'tacit.json: "args" expected'],
    [{ ...least, args: [1] }, 'tacit.json: "args" expected'],
    [{ ...least, env: { 'A=B': '' } }, 'tacit.json: "env" expected'],
    [{ ...least, env: { A: 1 } }, 'tacit.json: "env" expected'],
    [{ ...least, env: [] }, 'tacit.json: "env" expected'],
    [{ ...least, modes: [] }, 'tacit.json: "modes" expected a list of one or more of none, sev,'],
    [{ ...least, modes: ['tdx'] }, 'tacit.json: "modes" expected'],
    [{ ...least, modes: ['snp', 'snp'] }, 'tacit.json: "modes" expected'],
    [{ ...least, host: 'xen' }, 'tacit.json: "host" expected one of kvm, hv'],
    [{ ...least, memory: 64 }, 'tacit.json: "memory" expected bytes, or a size such as'],
    [{ ...least, memory: ['64M'] }, 'tacit.json: "memory" expected'],
    [{ ...least, memory: null }, 'tacit.json: "memory" expected'],
    [{ ...least, memory: '1K' }, 'tacit.json: "memory" expected'],
    [{ ...least, memory: '5G' }, 'tacit.json: "memory" expected'],
    [{ ...least, memory: '0M' }, 'tacit.json: "memory" expected'],
    [{ ...least, imports: ['fd_write'] }, 'tacit.json: "imports" expected a list, each MODULE.'],
    [{ ...least, imports: ['*.*.*'] }, 'tacit.json: "imports" expected'],
    [{ ...least, mode: ['snp'] }, 'tacit.json: unknown key "mode"'],
    [[], 'tacit.json: expected an object'],
  ])('%j is refused: %s', (fields, message) => {
    expect(() => parse(fields)).toThrow(UserError);
    expect(() => parse(fields)).toThrow(message);
    expect(() => parse(fields)).not.toThrow(/\n/);
  });

  it.each(['1M', 1048576, '1048576', '1024K'])('may give its memory as %j', (memory) => {
    expect(parse({ ...least, memory }).memory).toBe(0x10_0000);
  });

  it('that is no JSON is refused in one line', () => {
    expect(() => parseManifest('{\n"name": }', '/', 'x.json')).toThrow(/^x\.json: [^\n]+$/);
  });

  it('that is not there is named', () => {
    expect(() => readManifest('/nowhere/tacit.json')).toThrow(
      '/nowhere/tacit.json: cannot be read',
    );
  });
});
