import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as Note from '../spec/abi/dump-note.ts';
import { PLATFORM_SNP } from '../spec/abi/platform.ts';
import { sampleCore } from '../tools/inspect/sample-core.ts';
import { tacit } from './tacit.ts';

const folder = mkdtempSync(join(tmpdir(), 'tacit-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const page = new Uint8Array(4096);
page.set(new TextEncoder().encode('a word in memory'), 100);
const good = join(folder, 'good.core');
const bad = join(folder, 'bad.core');
const { file } = sampleCore(PLATFORM_SNP, [{ gpa: 0, bytes: page, state: Note.PAGE_SHARED }]);
writeFileSync(good, file);
writeFileSync(bad, file.subarray(0, 100));

const oneLine = /^[^\n]+\n$/;

describe('every command', () => {
  const mistakes: [what: string, args: string[]][] = [
    ['an unknown command', ['inspct']],
    ['an unknown option', ['inspect', good, '--fnd', 'x']],
    ['an argument that is missing', ['inspect']],
    ['one argument too many', ['inspect', good, good]],
    ['a file that does not exist', ['inspect', join(folder, 'none.core')]],
    ['a folder in place of a file', ['inspect', folder]],
    ['a bad file', ['inspect', bad]],
    ['an empty text to look for', ['inspect', good, '--find', '']],
    ['a page that cannot be written', ['inspect', good, '--html', join(folder, 'no', 'x.html')]],
    ['a manifest that does not exist', ['build', '-c', join(folder, 'tacit.json')]],
    ['an image that does not exist', ['run', join(folder, 'none.igvm')]],
    [
      'a module that does not exist',
      ['compile', join(folder, 'x.wasm'), '--target', 'linux', '-o', join(folder, 'x')],
    ],
  ];

  it.each(mistakes)('answers %s with one line and exit code 2', (_, args) => {
    const { status, stdout, stderr } = tacit(args);
    expect(stderr).toMatch(oneLine);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it.each(['build', 'run', 'inspect', 'compile'])('explains itself: %s --help', (name) => {
    const { status, stdout } = tacit([name, '--help']);
    expect(stdout).toContain(`tacit ${name}`);
    expect(status).toBe(0);
  });
});

describe('inspect', () => {
  it('ends with 0 where a text is found, and says where', () => {
    const { status, stdout } = tacit(['inspect', good, '--find', 'word', '--find', 'absent']);
    expect(status).toBe(0);
    expect(stdout).toContain('0x00000066');
    expect(stdout).toContain('not found: "absent"');
  });

  it('ends with 1 where no text is found', () => {
    expect(tacit(['inspect', good, '--find', 'absent']).status).toBe(1);
  });

  it('prints JSON that says the same', () => {
    const { stdout } = tacit(['inspect', good, '--json', '--find', 'word']);
    expect(JSON.parse(stdout)).toMatchObject({
      mode: 'snp',
      pages: 1,
      hits: [{ text: 'word', gpa: 0x66, state: 'shared' }],
    });
  });
});
