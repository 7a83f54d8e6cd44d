import { beforeAll, describe, expect, it } from 'vitest';
import { type BareMachine, DEFAULT_MAP, PLACES } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, liar, panicked } from '../../test/kernel/run.ts';

const launched = (frame: bigint) =>
  frame >= 0x100n && frame < BigInt(PLACES.kernelMemoryEnd) >> 12n;

describe('validation of RAM', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  it.each([true, false])(
    'is done once for each page outside the launch (RAM shared: %s)',
    (startsShared) => {
      const { machine } = boot(module, { mode: 'snp', startsShared });
      for (const { start, size, ram = true } of DEFAULT_MAP) {
        if (!ram) continue;
        const end = (start + size) >> 12n;
        for (let frame = start >> 12n; frame < end; frame++) {
          const expected = frame === 0n || launched(frame) ? undefined : 1;
          expect(machine.validations.get(frame), `frame ${frame.toString(16)}`).toBe(expected);
        }
      }
    },
  );

  it('takes one PVALIDATE for each 2 MiB that is all RAM', () => {
    const { machine } = boot(module, { mode: 'snp' });
    // 2 MiB to 8 MiB; below 2 MiB what the image leaves of RAM, page by page.
    const below = 0x9f - 1 + (0x200 - (PLACES.kernelMemoryEnd >> 12));
    expect(machine.pvalidates).toEqual({ huge: 3, small: below, rescind: 1 });
  });

  it('of RAM beyond what the image wants at once waits for its first use', () => {
    const { machine, end } = boot(module, {
      mode: 'snp',
      startsShared: true,
      map: [{ start: 0x10_0000n, size: 0x1f0_0000n }],
      prepare: ({ info, compartment }) => {
        info.lazyAbove = 0x40_0000n;
        compartment.maxPages = 0x200;
      },
      program: ({ kernel, pvalidates }) => {
        const before = pvalidates.huge;
        // 4 MiB beyond the 128 KiB it has, in pieces of 64 KiB and of 2 MiB.
        for (let pages = 0; pages < 32; pages++) kernel.memory_grow?.(1, 1);
        kernel.memory_grow?.(1, 94);
        expect(pvalidates.huge).toBeGreaterThan(before);
      },
    });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(machine.pvalidates.huge).toBeLessThan(8);
    for (const times of machine.validations.values()) expect(times).toBe(1);
  });

  it('falls back to 4 KiB pages where the host has no bigger ones', () => {
    const { machine, end } = boot(module, { mode: 'snp', hugePages: false });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(machine.pvalidates.huge).toBe(0);
    for (const times of machine.validations.values()) expect(times).toBe(1);
  });

  it('ends the guest when a page is already validated behind its back', () => {
    const prepare = (machine: BareMachine) => machine.validated.add(0x50n);
    expect(boot(module, { mode: 'snp', prepare }).end).toEqual(panicked('PVALIDATE_UNCHANGED'));
  });

  it('ends the guest when the GHCB page lost its validation before it is shared', () => {
    const honest = liar({});
    const [ghcb = 0n] = boot(module, { mode: 'snp' }).machine.hypervisor.registered;
    const hypervisor = liar({
      msr(request, machine) {
        // While it is asked for its preference, the host takes the page and gives it back.
        if ((request & 0xfffn) === 0x010n) machine.validated.delete(ghcb >> 12n);
        return honest.msr(request, machine);
      },
    });
    expect(boot(module, { mode: 'snp', hypervisor }).end).toEqual(panicked('PVALIDATE_UNCHANGED'));
  });

  it.each([1, 2, 7])('ends the guest when PVALIDATE answers %i', (pvalidate) => {
    expect(boot(module, { mode: 'snp', pvalidate }).end).toEqual(panicked('PVALIDATE_FAILED'));
  });

  it('validates nothing outside SNP', () => {
    for (const mode of ['none', 'sev', 'sev-es'] as const) {
      const { machine } = boot(module, { mode });
      expect(machine.pvalidates).toEqual({ huge: 0, small: 0, rescind: 0 });
    }
  });
});
