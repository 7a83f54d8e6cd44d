import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runExecutable } from '../../../test/differential/native.ts';
import { witness } from '../../../test/witness.ts';
import { Assembler } from '../x86/assembler.ts';
import { absolute, RAX, RDI } from '../x86/operand.ts';
import { writeElf } from './elf.ts';

const TEXT = 0x40_0000;
const DATA = 0x60_0000;
const EXIT_GROUP = 231;

/** Exits with the sum of a byte of data and one beyond it, which the file does not hold. */
function program(): Uint8Array {
  const asm = new Assembler();
  asm.op('mov r32, r/m32', RDI, absolute(DATA));
  asm.op('add r32, r/m32', RDI, absolute(DATA + 0x1800));
  asm.op('mov r32, imm32', RAX, EXIT_GROUP);
  asm.op('syscall');
  const text = asm.finish();
  return writeElf(
    TEXT,
    [
      { name: '.text', address: TEXT, bytes: text, memorySize: text.length, access: 'rx' },
      {
        name: '.data',
        address: DATA,
        bytes: Uint8Array.of(7, 0, 0, 0),
        memorySize: 8192,
        access: 'rw',
      },
    ],
    [{ name: 'main!f', address: TEXT, size: text.length }],
  );
}

function inspect(tool: string, ...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-elf-'));
  try {
    const file = join(folder, 'program');
    writeFileSync(file, program());
    const { stdout, stderr } = spawnSync(tool, [...args, file], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('an executable', () => {
  it('runs, its data beyond what the file holds being zero', () => {
    expect(runExecutable(program()).status).toBe(7);
  });

  const readelf = witness('readelf');
  it.skipIf(!readelf)(
    'has no segment both writable and executable, nor an executable stack (readelf)',
    () => {
      const segments = inspect(readelf ?? '', '-lW');
      expect(segments).toMatch(/LOAD +\S+ 0x0+400000 .* R E 0x1000/);
      expect(segments).toMatch(/LOAD +\S+ 0x0+600000 .* 0x000004 0x002000 RW {2}0x1000/);
      expect(segments).toMatch(/GNU_STACK .* RW {2}0x10/);
      expect(segments).not.toMatch(/RWE/);
    },
  );

  const objdump = witness('objdump');
  it.skipIf(!objdump)('names its functions for debuggers (objdump)', () => {
    expect(inspect(objdump ?? '', '-d')).toMatch(/0+400000 <main!f>:/);
  });
});
