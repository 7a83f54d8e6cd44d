import { beforeAll, describe, expect, it } from 'vitest';
import * as Cpuid from '../../spec/cpuid.ts';
import { BareMachine, type Mode } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { Program } from '../../test/kernel/program.ts';
import { panicked } from '../../test/kernel/run.ts';

const [SUCCESS, EFAULT, ENOTSUP] = [0, 21, 58];
const MODES: readonly Mode[] = ['none', 'sev', 'sev-es', 'snp'];
const OUT = 0x1000;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

type Source = 'rdrand' | 'rdseed';

/** Boots to a program that asks for `size` bytes `times` times; `change` sets up the generators. */
function ask(mode: Mode, change: (machine: BareMachine) => void, size = 40, times = 1) {
  const answers: { result: number; bytes: string }[] = [];
  const machine: BareMachine = new BareMachine(module, {
    mode,
    program: () => {
      const program = new Program(machine);
      change(machine);
      program.store(OUT, new Uint8Array(size));
      for (let i = 0; i < times; i++) {
        const result = program.call('random_get', OUT, size);
        answers.push({ result, bytes: Buffer.from(program.bytes(OUT, size)).toString('hex') });
      }
    },
  });
  return { end: machine.run(), answers };
}

/** Counts how often each source was asked, and lets `give` answer. */
function counted(give: (from: Source, n: number) => bigint | undefined) {
  const counts = { rdrand: 0, rdseed: 0 };
  const change = (machine: BareMachine) => {
    machine.draw = (from) => give(from, counts[from]++);
  };
  return { counts, change };
}

const good = (from: Source, n: number) =>
  (from === 'rdseed' ? 0x5eedn : 0x4a4dn) + BigInt(n) * 977n;

describe('random numbers', () => {
  it.each(MODES)('come from RDSEED and RDRAND alone (mode %s)', (mode) => {
    const { counts, change } = counted(good);
    const { answers } = ask(mode, change);
    expect(answers[0]?.result).toBe(SUCCESS);
    expect(counts).toEqual({ rdrand: 12, rdseed: 12 });
    // The same samples, the same numbers, whatever the host does.
    expect(ask('none', counted(good).change).answers).toEqual(answers);
    const other = ask(mode, counted((from, n) => good(from, n) + (n === 11 ? 1n : 0n)).change);
    expect(other.answers[0]?.bytes).not.toBe(answers[0]?.bytes);
  });

  it('differ each time, for any size', () => {
    const { answers } = ask('snp', () => {}, 700, 3);
    expect(new Set(answers.map(({ bytes }) => bytes)).size).toBe(3);
    for (const { bytes } of answers) {
      const histogram = new Set(bytes.match(/../g));
      expect(histogram.size).toBeGreaterThan(200);
    }
  });

  it('are seeded anew after 1,024 requests', () => {
    const { counts, change } = counted(good);
    ask('none', change, 1, 1024);
    expect(counts.rdseed).toBe(12);
    const more = counted(good);
    ask('none', more.change, 1, 1025);
    expect(more.counts.rdseed).toBe(24);
  });

  it('are had from either source alone', () => {
    for (const absent of ['rdrand', 'rdseed'] as const) {
      const { change } = counted((from, n) => (from === absent ? undefined : good(from, n)));
      expect(ask('snp', change).answers[0]?.result, absent).toBe(SUCCESS);
    }
  });

  it('are not asked of a generator that CPUID does not name', () => {
    const { counts, change } = counted(good);
    ask('none', (machine) => {
      machine.leaves.set(Cpuid.LEAF_STRUCTURED_FEATURES, [0, 0, 0, 0]);
      change(machine);
    });
    expect(counts).toEqual({ rdrand: 12, rdseed: 0 });
  });

  it('take no sample of zeroes, ones, or the one before (B30)', () => {
    const bad = [0n, 0xffff_ffff_ffff_ffffn, 5n, 5n, 5n];
    const { counts, change } = counted((from, n) => bad[n] ?? good(from, n));
    expect(ask('snp', change).answers[0]?.result).toBe(SUCCESS);
    expect(counts).toEqual({ rdrand: 16, rdseed: 16 });
  });

  const broken: readonly (readonly [string, (from: Source, n: number) => bigint | undefined])[] = [
    ['nothing', () => undefined],
    ['zeroes, and calls them random', () => 0n],
    ['ones', () => 0xffff_ffff_ffff_ffffn],
    ['the same again and again', () => 0x1234n],
  ];

  it.each(broken)('end an encrypted guest whose generators give %s (B30)', (_, give) => {
    for (const mode of ['sev', 'sev-es', 'snp'] as const) {
      const { end, answers } = ask(mode, counted(give).change);
      expect(end, mode).toEqual(panicked('NO_RANDOM'));
      expect(answers).toEqual([]);
    }
  });

  it.each(broken)('fail without encryption, where the generators give %s', (_, give) => {
    const { end, answers } = ask('none', counted(give).change, 8);
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(answers).toEqual([{ result: ENOTSUP, bytes: '0000000000000000' }]);
  });

  it('want room in the program’s memory', () => {
    let result = 0;
    const machine: BareMachine = new BareMachine(module, {
      mode: 'none',
      program: () => {
        result = new Program(machine).call('random_get', 0x1_fff0, 0x40);
      },
    });
    machine.run();
    expect(result).toBe(EFAULT);
  });
});
