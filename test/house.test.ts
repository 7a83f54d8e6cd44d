import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../tools/root.ts';
import { trackedFiles } from './tracked-files.ts';

const LINES_MAX = 600;

const files = trackedFiles();
const read = (name: string) => readFileSync(join(root, name), 'utf8');
const sources = files.filter((name) => name.endsWith('.ts'));

/** Names of documents, as spec/README.md lists them; `APM1-4` stands for four. */
const documents = [...read('spec/README.md').matchAll(/^\| (\w+)(?:-\d)? +\|/gm)].map(([, name]) =>
  (name as string).replace(/1$/, '[1234]'),
);

interface Locked {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe('the house', () => {
  it(`has no source of more than ${LINES_MAX} lines, tables of instructions apart`, () => {
    const long = sources
      .filter((name) => !name.startsWith('spec/x86/'))
      .map((name) => [name, read(name).split('\n').length - 1] as const)
      .filter(([, lines]) => lines > LINES_MAX);
    expect(long).toEqual([]);
  });

  it('has no file in spec, our own interfaces apart, that does not cite a document', () => {
    const citation = new RegExp(`\\b(?:${documents.join('|')})\\b`);
    const uncited = sources.filter(
      (name) =>
        /^spec\/(?!abi\/|.*\.test\.ts$|.*\.d\.ts$|layout\.ts$)/.test(name) &&
        !citation.test(comments(read(name))),
    );
    expect(documents.length).toBeGreaterThan(5);
    expect(uncited).toEqual([]);
  });

  it('has nothing left to do, and no type switched off, in its sources', () => {
    const marks = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', '@ts-' + 'ignore'].join('|'));
    const marked = sources.filter((name) => marks.test(read(name)));
    expect(marked).toEqual([]);
  });

  it('has a lockfile with the optional dependencies of all platforms', () => {
    // npm install leaves out those that its registry does not have, and npm ci then refuses the file.
    const { packages } = JSON.parse(read('package-lock.json'));
    const locked = Object.values(packages as Record<string, Locked>);
    const names = locked.flatMap((each) => Object.keys(each.optionalDependencies ?? {}));
    expect(names.filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
  });

  it('has no test that is switched off or runs alone', () => {
    const off = /\b(?:it|test|describe)\.(?:only|todo|fails|skip)\b/;
    const tests = sources.filter((name) => name.endsWith('.test.ts') && off.test(read(name)));
    expect(tests).toEqual([]);
  });
});

function comments(source: string): string {
  return (source.match(/\/\*[\s\S]*?\*\/|\/\/.*/g) ?? []).join('\n');
}
