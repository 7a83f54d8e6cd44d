import { beforeAll, describe, expect, it } from 'vitest';
import type { CompartmentInfo } from '../spec/abi/handoff.ts';
import { STACK_IN_HAND } from '../spec/abi/platform.ts';
import type { View } from '../spec/layout.ts';
import type { BareMachine, Mode, Range } from '../test/kernel/machine.ts';
import { TOP } from '../test/kernel/memory.ts';
import { kernelModule } from '../test/kernel/module.ts';
import { boot, panicked } from '../test/kernel/run.ts';

const BASE = 0x4_0000_0000n;
const MIB = 0x10_0000n;
const WASM_PAGE = 0x1_0000n;
const CANNOT_GROW = 0xffff_ffff;
/** RAM for programs that want more than a few MiB. */
const ROOMY = [{ start: MIB, size: 31n * MIB }];

describe('a compartment', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** Boots to the program, with `fields` of its CompartmentInfo changed, and lets `act` be it. */
  const asProgram = (
    act: (machine: BareMachine) => void,
    fields: Partial<View<typeof CompartmentInfo>> = {},
    { poolPages, ...options }: { mode?: Mode; map?: readonly Range[]; poolPages?: number } = {},
  ) =>
    boot(module, {
      mode: 'none',
      ...options,
      prepare: (machine) => {
        if (poolPages !== undefined) machine.info.poolPages = poolPages;
        Object.assign(machine.compartment, fields);
      },
      program: act,
    });

  const grow = (machine: BareMachine, delta: number) =>
    Number(machine.kernel.memory_grow?.(1, delta)) >>> 0;

  it.each(['none', 'sev', 'sev-es', 'snp'] as const)(
    'has its memory at its own address, private, and nowhere else (mode %s)',
    (mode) => {
      asProgram(
        ({ memory }) => {
          for (let offset = 0n; offset < 2n * WASM_PAGE; offset += 0x1000n) {
            const mapping = memory.translate(BASE + offset);
            expect(mapping).toMatchObject({ shared: false, writable: true, executable: false });
            expect(memory.translate(mapping?.gpa ?? 0n)).toBeUndefined();
          }
          expect(memory.translate(BASE - 0x1000n)).toBeUndefined();
          expect(memory.translate(BASE + 2n * WASM_PAGE)).toBeUndefined();
        },
        {},
        { mode },
      );
    },
  );

  it('starts with its segments, and zeroes elsewhere', () => {
    asProgram(({ memory }) => {
      const page = (offset: bigint) => memory.page(memory.translate(BASE + offset)?.gpa ?? 0n);
      expect(Buffer.from(page(0x1000n).subarray(0x234, 0x242)).toString()).toBe(
        'luggage\x0012345\0',
      );
      expect(page(0x1000n).subarray(0, 0x234).some(Boolean)).toBe(false);
      expect(page(0n).some(Boolean)).toBe(false);
    });
  });

  it('has a stack that no Wasm address reaches, with more in hand, and a guard below', () => {
    asProgram(({ memory }) => {
      const window = TOP + 0x4000_0000n;
      const mapped = Array.from({ length: 12 }, (_, i) =>
        memory.translate(window + BigInt(i) * 0x1000n),
      );
      const inHand = STACK_IN_HAND / 0x1000;
      // The page to look through, and the guard: a page more than what is in hand.
      const below = 1 + inHand + 1;
      const pages = inHand + 4;
      expect(mapped.map(Boolean)).toEqual(mapped.map((_, i) => i >= below && i < below + pages));
      for (const mapping of mapped.slice(below, below + pages)) {
        expect(mapping).toMatchObject({ writable: true, executable: false, shared: false });
        expect(memory.translate(mapping?.gpa ?? 0n)).toBeUndefined();
      }
    });
  });

  it('grows by zeroed pages up to its limit, and says how many it had', () => {
    asProgram((machine) => {
      expect(grow(machine, 0)).toBe(2);
      expect(grow(machine, 3)).toBe(2);
      expect(grow(machine, 0)).toBe(5);
      expect(machine.memory.translate(BASE + 5n * WASM_PAGE - 1n)).toBeDefined();
      expect(machine.memory.translate(BASE + 5n * WASM_PAGE)).toBeUndefined();
      expect(grow(machine, 60)).toBe(CANNOT_GROW);
      expect(grow(machine, 0xffff_ffff)).toBe(CANNOT_GROW);
      expect(grow(machine, 59)).toBe(5);
      expect(grow(machine, 1)).toBe(CANNOT_GROW);
    });
  });

  it('cannot grow beyond what RAM is left', () => {
    asProgram(
      (machine) => {
        expect(grow(machine, 2000)).toBe(CANNOT_GROW);
        expect(grow(machine, 0)).toBe(2);
      },
      { maxPages: 0x1_0000 },
    );
  });

  it('gets 2 MiB pages where they fit', () => {
    asProgram(
      ({ memory }) => {
        expect(memory.translate(BASE)).toMatchObject({ huge: true });
        expect(memory.translate(BASE + 4n * MIB)).toMatchObject({ huge: true });
        expect(memory.translate(BASE + 6n * MIB)).toMatchObject({ huge: false });
        expect(memory.translate(BASE + 6n * MIB + WASM_PAGE)).toBeUndefined();
      },
      { minPages: 97, maxPages: 97 },
      { map: ROOMY },
    );
  });

  it('grows page by page beyond what the linker reserved tables for', () => {
    const { end } = asProgram(
      (machine) => {
        for (let pages = 2; pages < 250; pages++) expect(grow(machine, 1)).toBe(pages);
        expect(machine.memory.translate(BASE + 250n * WASM_PAGE - 1n)).toBeDefined();
      },
      { maxPages: 1000 },
      { poolPages: 16, map: ROOMY },
    );
    expect(end).toEqual({ kind: 'exit', code: 0 });
  });

  it('gets RAM above 4 GiB too, which leaves the direct map for it', () => {
    const map = [
      { start: MIB, size: 3n * MIB },
      { start: 0x1_0000_0000n, size: 8n * MIB },
    ];
    const { end } = asProgram(
      ({ memory }) => {
        const { gpa = 0n } = memory.translate(BASE) ?? {};
        expect(gpa).toBeGreaterThanOrEqual(0x1_0000_0000n);
        expect(memory.translate(0xffff_8000_0000_0000n + gpa)).toBeUndefined();
        expect(memory.translate(0xffff_8001_0060_0000n)).toMatchObject({ huge: true });
      },
      { minPages: 32, maxPages: 32 },
      { map },
    );
    expect(end).toEqual({ kind: 'exit', code: 0 });
  });

  it.each([
    ['is number 0, the kernel’s', { index: 0 }],
    ['wants more than 4 GiB', { maxPages: 0x1_0001 }],
    ['starts above its limit', { minPages: 65 }],
    ['has no stack', { stackPages: 0 }],
    ['wants 8 MiB of stack and more', { stackPages: 2049 }],
    ['has more memory than there is RAM', { minPages: 0x1000, maxPages: 0x1000 }],
  ])('that %s ends the guest', (_, fields) => {
    expect(asProgram(() => {}, fields).end).toEqual(panicked('COMPARTMENT_BAD'));
  });

  it('whose segment lies outside its memory ends the guest', () => {
    const prepare = (machine: BareMachine) => {
      machine.segment.offset = 2 * 0x1_0000 - 13;
    };
    expect(boot(module, { mode: 'none', prepare }).end).toEqual(panicked('COMPARTMENT_BAD'));
  });

  it('is alone: two end the guest', () => {
    const prepare = (machine: BareMachine) => {
      machine.info.compartmentCount = 2;
    };
    expect(boot(module, { mode: 'none', prepare }).end).toEqual(
      panicked('COMPARTMENT_UNSUPPORTED'),
    );
  });

  it('may halt for good', () => {
    const { end } = asProgram((machine) => machine.kernel.tacit_halt?.(1));
    expect(end).toEqual({ kind: 'idle' });
  });

  it('leaves no frame with two addresses', () => {
    asProgram(({ memory }) => {
      const seen = new Map<bigint, bigint>();
      const visit = (table: bigint, level: bigint, prefix: bigint) => {
        for (let i = 0n; i < 512n; i++) {
          const entry = memory.read64(table + i * 8n);
          if ((entry & 1n) === 0n) continue;
          const va = prefix | (i << (12n + 9n * (level - 1n)));
          const gpa = entry & 0xf_ffff_ffff_f000n;
          const leaf = level === 1n || (entry & 0x80n) !== 0n;
          if (!leaf) visit(gpa, level - 1n, va);
          const frames = level === 1n ? 1n : 512n;
          if (!leaf) continue;
          for (let n = 0n; n < frames; n++) {
            const frame = (gpa >> 12n) + n;
            expect(seen.has(frame), `frame ${frame.toString(16)}`).toBe(false);
            seen.set(frame, va);
          }
        }
      };
      visit(memory.root, 4n, 0n);
      expect(seen.size).toBeGreaterThan(0x700);
    });
  });
});
