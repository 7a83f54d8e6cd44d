import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { view } from '../../../spec/layout.ts';
import { MemoryMapEntry, StartInfo } from '../../../spec/layouts/pvh.ts';
import { UserError } from '../../errors.ts';
import { createMachine } from '../machine.ts';
import type { Mode } from '../mode.ts';
import { launchElf } from './pvh.ts';
import { elfFile } from './test-images.ts';

const CODE = Uint8Array.of(0x90, 0xf4);
const IMAGE = elfFile({ entry: 0x10_0800, segments: [{ gpa: 0x10_0800, code: CODE, size: 8000 }] });

function launched(mode: Mode, memory = 64 * 2 ** 20, image = IMAGE) {
  const machine = createMachine({ mode, memory });
  launchElf(machine, image);
  return machine;
}

describe('the launch of an ELF file', () => {
  it('enters it as PVH says: 32 bits, no paging, EBX at the start_info', () => {
    const state = launched('none').core.state;
    expect([state.rip, state.cr0, state.cr4, state.efer, state.cpl]).toEqual([
      0x10_0800n,
      0x11n,
      0n,
      0n,
      0,
    ]);
    expect([state.cs.attributes, state.ds.attributes, state.cs.limit]).toEqual([
      0xc9b, 0xc93, 0xffff_ffff,
    ]);
    expect(state.tr.limit).toBe(0x67);
  });

  it.each([
    [8 * 2 ** 20, [0, 0x9_f000, 0x9_f000, 0x1000, 0x10_0000, 7 * 2 ** 20]],
    [
      0xb000_0000,
      [0, 0x9_f000, 0x9_f000, 0x1000, 0x10_0000, 0x7ff0_0000, 0x1_0000_0000, 0x3000_0000],
    ],
  ])('describes %i bytes of memory, its own page apart', (bytes, ranges) => {
    const { core } = launched('none', bytes);
    const at = Number(core.state.rbx);
    const info = view(StartInfo, core.read(at, StartInfo.size, 0));
    expect([info.magic, info.version]).toEqual([0x336e_c578, 1]);
    const map = core.read(Number(info.memoryMap), 24 * info.memoryMapCount, 0);
    const found = Array.from({ length: info.memoryMapCount }, (_, i) => {
      const { address, size } = view(MemoryMapEntry, map, i * 24);
      return [Number(address), Number(size)];
    });
    expect(found.flat()).toEqual(ranges);
    expect(core.read(Number(info.commandLine), 1, 0)[0]).toBe(0);
  });

  it.each<Mode>(['sev', 'sev-es'])('encrypts in %s what it loads, zero tails included', (mode) => {
    const { core, memory, asid, launchDigest } = launched(mode);
    const pages = [0x9_f000, 0x10_0000, 0x10_1000, 0x10_2000];
    const measured = createHash('sha256');
    for (const page of pages) {
      const own = core.read(page, 4096, asid);
      expect(memory.read(page, 4096)).not.toEqual(own);
      measured.update(own);
    }
    expect(Buffer.from(core.read(0x10_0800, 3, asid)).toString('hex')).toBe('90f400');
    expect(core.frames.key(0x102)).toBe(asid);
    expect(core.frames.written(0x103)).toBe(false);
    if (mode === 'sev') {
      expect(Buffer.from(launchDigest ?? []).toString('hex')).toBe(measured.digest('hex'));
    }
  });

  it('fails with a clear message where there is no memory, on its own page, and in snp', () => {
    const at = (gpa: number) => elfFile({ entry: gpa, segments: [{ gpa, code: CODE }] });
    expect(() => launched('none', 2 ** 22, at(2 ** 22))).toThrow(/no memory/);
    expect(() => launched('none', 2 ** 22, at(0x9_f000))).toThrow(/start_info/);
    expect(() => launched('snp')).toThrow(UserError);
  });
});
