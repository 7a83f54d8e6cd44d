import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from './errors.ts';
import { withOutputs, writeOutputs } from './output-file.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-outputs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('outputs', () => {
  it('replace what is there, and are what was written', () => {
    writeFileSync(at('a'), 'old and longer');
    writeOutputs(
      [
        [at('a'), 'new'],
        [at('b'), Uint8Array.of(1, 2)],
      ],
      { mode: 0o755 },
    );
    expect(readFileSync(at('a'), 'utf8')).toBe('new');
    expect([...readFileSync(at('b'))]).toEqual([1, 2]);
    expect(statSync(at('b')).mode & 0o111).not.toBe(0);
    expect(readdirSync(folder)).toEqual(['a', 'b']);
  });

  it('are all left alone when one cannot be opened', () => {
    writeFileSync(at('a'), 'precious');
    expect(() =>
      writeOutputs([
        [at('a'), 'new'],
        [at('none/b'), ''],
      ]),
    ).toThrow(UserError);
    mkdirSync(at('folder'));
    expect(() =>
      writeOutputs([
        [at('a'), 'new'],
        [at('folder'), ''],
      ]),
    ).toThrow('it is a folder');
    expect(readFileSync(at('a'), 'utf8')).toBe('precious');
    expect(readdirSync(folder)).toEqual(['a', 'folder']);
  });

  it('are all left alone when what fills them fails', () => {
    writeFileSync(at('a'), 'precious');
    const fill = () => {
      throw new RangeError('in the middle');
    };
    expect(() => withOutputs([at('a')], fill)).toThrow('in the middle');
    expect(readFileSync(at('a'), 'utf8')).toBe('precious');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it('are the user’s affair where the device is full', () => {
    expect(() => writeOutputs([['/dev/full', 'x']])).toThrow(UserError);
    expect(() => writeOutputs([['/dev/full', 'x']])).toThrow('cannot write /dev/full: ENOSPC');
  });

  it('go through links, and into pipes as they are', () => {
    writeFileSync(at('a'), 'old');
    symlinkSync('a', at('link'));
    writeOutputs([[at('link'), 'new']]);
    expect(readFileSync(at('a'), 'utf8')).toBe('new');
    execFileSync('mkfifo', [at('pipe')]);
    chmodSync(at('pipe'), 0o600);
    const script = `cat ${at('pipe')} > ${at('got')} & echo $!`;
    const reader = Number(
      execFileSync('sh', ['-c', `${script} 2>/dev/null`], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString(),
    );
    expect(reader).toBeGreaterThan(0);
    writeOutputs([[at('pipe'), 'through']], { mode: 0o755 });
    expect(statSync(at('pipe')).mode & 0o777).toBe(0o600);
  });

  it('may be one device, but not one file', () => {
    writeOutputs([
      ['/dev/null', 'x'],
      ['/dev/null', 'y'],
    ]);
    symlinkSync('a', at('link'));
    writeFileSync(at('a'), 'old');
    const twice = [
      [at('a'), 'x'],
      [at('link'), 'y'],
    ] as const;
    expect(() => writeOutputs(twice)).toThrow('is given for two outputs');
    expect(readFileSync(at('a'), 'utf8')).toBe('old');
  });

  it('are none of the inputs', () => {
    writeFileSync(at('a'), 'old');
    symlinkSync('a', at('link'));
    expect(() => writeOutputs([[at('link'), 'new']], { inputs: [at('a')] })).toThrow(
      'would be overwritten by what is made of it',
    );
    expect(readFileSync(at('a'), 'utf8')).toBe('old');
  });
});
