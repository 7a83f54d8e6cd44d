import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../tools/root.ts';
import { tacit } from './tacit.ts';
import { witness } from './witness.ts';

const readelf = witness('readelf');
const gdb = witness('gdb');
const strings = witness('strings');

const folder = mkdtempSync(join(tmpdir(), 'tacit-dump-'));
afterAll(() => rmSync(folder, { recursive: true }));

const modes = ['none', 'sev', 'sev-es', 'snp'] as const;
const dumpOf = (mode: string) => join(folder, `${mode}.core`);
const run = (program: string | undefined, ...args: string[]) =>
  execFileSync(program ?? '', args, { encoding: 'latin1', maxBuffer: 2 ** 30, stdio: 'pipe' });

beforeAll(() => {
  for (const mode of modes) {
    const image = join(root, 'build', mode === 'none' ? 'luggage.elf' : 'luggage.igvm');
    const { status, stderr } = tacit(['run', image, '--mode', mode, '--dump', dumpOf(mode)]);
    if (status !== 0) throw new Error(`run --mode ${mode} ended with ${status}: ${stderr}`);
  }
});

/** Where the first PT_LOAD lies in the file, and which memory it holds, according to readelf. */
function firstLoad(dump: string): { offset: number; address: number; size: number } {
  const load = run(readelf, '-lW', dump).match(/^ *LOAD +(0x\w+) (0x\w+) (0x\w+) (0x\w+) (0x\w+)/m);
  const [offset = -1, virtual = -1, physical = -2, size = -1, inMemory = -2] =
    load?.slice(1).map(Number) ?? [];
  expect(virtual).toBe(physical);
  expect(size).toBe(inMemory);
  return { offset, address: physical, size };
}

describe.each(modes)('a dump of a guest in mode %s', (mode) => {
  it.skipIf(!readelf)('is a core file with memory and notes to readelf (readelf)', () => {
    expect(run(readelf, '-h', dumpOf(mode))).toMatch(/Type: +CORE/);
    expect(firstLoad(dumpOf(mode)).size).toBeGreaterThan(0);
    const notes = run(readelf, '-nW', dumpOf(mode));
    expect(notes).toMatch(/CORE +0x[0-9a-f]+\s+NT_PRSTATUS/);
    expect(notes).toMatch(/TACIT/);
  });

  it.skipIf(!gdb || !readelf)('shows gdb the bytes that are in the file (gdb, readelf)', () => {
    const { offset, address } = firstLoad(dumpOf(mode));
    const file = readFileSync(dumpOf(mode));
    // The second MiB holds the image.
    for (const gpa of [0x10_0000, 0x10_0008, 0x20_0000, address + 0x1000]) {
      const text = run(gdb, '-nx', '-c', dumpOf(mode), '-batch', '-ex', `x/4gx ${gpa}`);
      const words = [...text.matchAll(/\b0x([0-9a-f]{16})\b/g)].map(([, word]) =>
        BigInt(`0x${word}`),
      );
      const at = offset + gpa - address;
      const expected = [0, 8, 16, 24].map((i) => file.readBigUInt64LE(at + i));
      expect(words.slice(-4), `at ${gpa.toString(16)}`).toEqual(expected);
    }
  });

  it.skipIf(!strings)('shows strings(1) the password in none only (strings)', () => {
    const lines = run(strings, dumpOf(mode)).split('\n');
    const found = lines.some((line) => line.includes('My luggage password is 12345'));
    expect(found).toBe(mode === 'none');
  });
});
