import { beforeAll, describe, expect, it } from 'vitest';
import { StartInfo } from '../../spec/layouts/pvh.ts';
import { type Mode, PLACES, type Range } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, panicked } from '../../test/kernel/run.ts';

const MIB = 0x10_0000n;
const low: Range = { start: MIB, size: 31n * MIB };

describe('the memory map', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  const endsWith = (map: readonly Range[], mode: Mode = 'none') => boot(module, { mode, map }).end;

  it.each(['none', 'snp'] as const)('may come in any order (mode %s)', (mode) => {
    const map = [
      { start: 24n * MIB, size: 8n * MIB },
      { start: 0xfeff_c000n, size: 0x4000n, ram: false },
      { start: MIB, size: 23n * MIB },
      { start: 0n, size: 0x9_f000n },
    ];
    expect(endsWith(map, mode)).toEqual({ kind: 'exit', code: 0 });
  });

  it.each([
    ['RAM overlaps RAM', [low, { start: 16n * MIB, size: MIB }]],
    ['RAM overlaps what is reserved', [low, { start: 31n * MIB, size: 2n * MIB, ram: false }]],
    ['an entry is given twice', [low, low]],
    ['an entry lies around another', [{ start: 8n * MIB, size: MIB }, low]],
  ])('ends the guest when %s', (_, map) => {
    expect(endsWith(map)).toEqual(panicked('MEMORY_MAP_OVERLAP'));
  });

  it.each([
    ['wraps', { start: 0xffff_ffff_ffff_f000n, size: 0x2000n }],
    ['ends where addresses do', { start: 0xffff_ffff_ffff_0000n, size: 0x1_0000n }],
    ['is more than the kernel keeps account of', { start: 1n << 40n, size: 1n << 43n }],
    ['lies beyond the direct map', { start: 1n << 46n, size: MIB }],
  ])('ends the guest when RAM %s', (_, range) => {
    expect(endsWith([low, range])).toEqual(panicked('MEMORY_MAP_BAD'));
  });

  it.each([
    ['a start', { start: 1n << 52n, size: MIB }],
    ['a length', { start: 64n * MIB, size: 1n << 52n }],
  ])('ends the guest when %s in IGVM’s map has too many pages to be one', (_, range) => {
    expect(endsWith([low, range], 'snp')).toEqual(panicked('MEMORY_MAP_BAD'));
  });

  it('ends the guest when there is no RAM', () => {
    expect(endsWith([{ ...low, ram: false }])).toEqual(panicked('OUT_OF_MEMORY'));
  });

  it('ends the guest when it has more entries than fit a page', () => {
    const map = Array.from({ length: 100 }, (_, i) => ({
      start: BigInt(i) * 0x1000n + 64n * MIB,
      size: 0x800n,
    }));
    const { end } = boot(module, {
      mode: 'none',
      map,
      prepare: (machine) => {
        machine.view(StartInfo, PLACES.startInfo).memoryMapCount = 171;
      },
    });
    expect(end).toEqual(panicked('MEMORY_MAP_TOO_LONG'));
  });

  it('ends the guest when RAM is in too many pieces', () => {
    const map = Array.from({ length: 130 }, (_, i) => ({
      start: BigInt(i) * 0x2000n + 64n * MIB,
      size: 0x1000n,
    }));
    expect(endsWith(map)).toEqual(panicked('MEMORY_MAP_TOO_LONG'));
  });

  it.each([
    ['has another magic', { magic: 1 }],
    ['is of a version without one', { version: 0 }],
    ['has it beyond 4 GiB', { memoryMap: 0x1_0000_0000n }],
  ])('ends the guest when start_info %s', (_, fields) => {
    const { end } = boot(module, {
      mode: 'none',
      prepare: (machine) => Object.assign(machine.view(StartInfo, PLACES.startInfo), fields),
    });
    expect(end).toEqual(panicked('MEMORY_MAP_BAD'));
  });

  it('never makes RAM of the image, page 0, firmware’s window or the VMSA', () => {
    const { machine, end } = boot(module, {
      mode: 'none',
      map: [
        { start: 0n, size: 32n * MIB },
        { start: 0xfe00_0000n, size: 0x200_0000n },
        { start: 0xffff_ffff_e000n, size: 0x4000n, ram: false },
      ],
    });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    const mapped = (va: bigint) => machine.memory.translate(va) !== undefined;
    expect(mapped(0n)).toBe(false);
    expect(mapped(0x9_0000n)).toBe(true);
    for (let place = 0x10_0000n; place < 0x18_0000n; place += 0x1000n) {
      expect(mapped(place), place.toString(16)).toBe(false);
    }
    expect(mapped(0xfebf_f000n)).toBe(true);
    for (const va of [0xfec0_0000n, 0xfee0_0000n, 0xffff_f000n]) expect(mapped(va)).toBe(false);
  });
});
