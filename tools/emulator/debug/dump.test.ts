import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  DumpHeader,
  DumpRun,
  PAGE_HYPERVISOR,
  PAGE_PRIVATE,
  PAGE_SHARED,
  PAGE_UNVALIDATED,
  PAGE_WRITTEN,
} from '../../../spec/abi/dump-note.ts';
import { view } from '../../../spec/layout.ts';
import { ElfProgram } from '../../../spec/layouts/elf.ts';
import { witness } from '../../../test/witness.ts';
import { launchIgvm } from '../launch/igvm.ts';
import { publishedFile } from '../launch/test-images.ts';
import { createMachine, type Machine } from '../machine.ts';
import { writeDump } from './dump.ts';
import { countPages, pageRuns } from './page-states.ts';

const readelf = witness('readelf');
const MEMORY = 4 * 2 ** 20;

/** Runs `look` on the file that the machine is dumped to. */
function dumped<T>(machine: Machine, look: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-dump-'));
  try {
    const path = join(folder, 'dump');
    const file = openSync(path, 'w');
    writeDump(machine, file);
    closeSync(file);
    return look(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function snp(host: 'kvm' | 'hv' = 'kvm'): Machine {
  const machine = createMachine({ mode: 'snp', host, memory: MEMORY });
  launchIgvm(machine, publishedFile());
  return machine;
}

describe('a dump', () => {
  it('holds memory as the host reads it, at its guest address', () => {
    const machine = createMachine({ mode: 'none', memory: MEMORY });
    machine.memory.writeGuest(0x12_3456n, new TextEncoder().encode('in the clear'));
    const file = dumped(machine, (path) => readFileSync(path));
    const load = view(ElfProgram, file, 64 + ElfProgram.size);
    expect([load.type, load.virtual, load.physical]).toEqual([1, 0n, 0n]);
    expect([load.fileSize, load.memorySize]).toEqual([BigInt(MEMORY), BigInt(MEMORY)]);
    const at = Number(load.offset) + 0x12_3456;
    expect(file.subarray(at, at + 12).toString()).toBe('in the clear');
    expect(file.length).toBe(Number(load.offset) + MEMORY);
  });

  it('has ciphertext where a page is private', () => {
    const machine = snp();
    const file = dumped(machine, (path) => readFileSync(path));
    const offset = Number(view(ElfProgram, file, 64 + ElfProgram.size).offset);
    const seen = file.subarray(offset + 0x1_0000, offset + 0x1_1000);
    expect(seen.equals(machine.memory.read(0x1_0000, 4096))).toBe(true);
    expect(seen.every((byte) => byte === 0xaa)).toBe(false);
  });

  it('tells the state of every page in a note', () => {
    const file = dumped(snp(), (path) => readFileSync(path));
    const note = view(ElfProgram, file, 64);
    const at = file.indexOf('TACIT\0', Number(note.offset)) + 8;
    const header = view(DumpHeader, file, at);
    expect([header.version, header.mode]).toEqual([1, 3]);
    const runs = Array.from({ length: header.runCount }, (_, i) => {
      const { frame, pages, state, flags } = view(DumpRun, file, at + 16 + i * DumpRun.size);
      return [Number(frame), pages, state, flags];
    });
    expect(runs).toEqual([
      [0, 0x10, PAGE_HYPERVISOR, 0],
      [0x10, 4, PAGE_PRIVATE, PAGE_WRITTEN],
      [0x14, MEMORY / 4096 - 0x14, PAGE_HYPERVISOR, 0],
    ]);
  });

  it.skipIf(!readelf)('is a core file to readelf (readelf)', () => {
    const text = dumped(snp(), (path) =>
      execFileSync(readelf as string, ['-lnhW', path], { encoding: 'utf8' }),
    );
    expect(text).toMatch(/Type:\s+CORE/);
    expect(text).toMatch(/LOAD\s+0x\w+ 0x0+ 0x0+ 0x400000 0x400000 RW/);
    expect(text).toMatch(/NT_PRSTATUS/);
    expect(text).toMatch(/TACIT\s+0x/);
    expect(text).not.toMatch(/[Ww]arning/);
  });
});

describe('the state of a page', () => {
  it('is private, unvalidated or the hypervisor’s in snp, and shared once it was given', () => {
    const machine = snp('hv');
    expect(countPages(pageRuns(machine))).toEqual({
      private: 4,
      shared: 0,
      hypervisor: 0,
      unvalidated: MEMORY / 4096 - 4,
    });
    machine.pages.makeShared(0x20, 1);
    expect(pageRuns(machine).find(({ gfn }) => gfn === 0x20)).toEqual({
      gfn: 0x20,
      pages: 1,
      state: PAGE_SHARED,
      flags: 0,
    });
    expect(pageRuns(machine).at(-1)?.state).toBe(PAGE_UNVALIDATED);
  });

  it('is in sev what was written last', () => {
    const machine = createMachine({ mode: 'sev', memory: MEMORY });
    machine.psp.sev.launchStart(machine.asid);
    machine.memory.write(0x1000, new Uint8Array(16));
    machine.memory.write(0x2000, new Uint8Array(16));
    machine.psp.sev.launchUpdate(0x2000, 0x1000);
    const states = pageRuns(machine).map(({ state }) => state);
    expect(states).toEqual([PAGE_HYPERVISOR, PAGE_SHARED, PAGE_PRIVATE, PAGE_HYPERVISOR]);
  });

  it('is shared for all RAM without encryption', () => {
    const machine = createMachine({ mode: 'none', memory: MEMORY });
    expect(countPages(pageRuns(machine)).shared).toBe(MEMORY / 4096);
  });
});
