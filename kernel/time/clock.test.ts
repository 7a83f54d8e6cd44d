import { beforeAll, describe, expect, it } from 'vitest';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Pit from '../../spec/pit.ts';
import { SECURE_TSC } from '../../spec/sev-status.ts';
import { BareMachine, type Mode, PLACES } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { Program } from '../../test/kernel/program.ts';

const [SUCCESS, EFAULT, EINVAL, ENOTSUP] = [0, 21, 28, 58];
const [REALTIME, MONOTONIC] = [0, 1];
const OUT = 0x1000;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

/** Boots to a program; `prepare` acts on the machine before the kernel runs. */
function asProgram(
  mode: Mode,
  act: (program: Program) => void,
  prepare: (machine: BareMachine) => void = () => {},
): void {
  const machine: BareMachine = new BareMachine(module, {
    mode,
    prepare,
    program: () => act(new Program(machine)),
  });
  expect(machine.run()).toEqual({ kind: 'exit', code: 0 });
}

/** Nanoseconds that the guest sees pass while its TSC counts `ticks`. */
function passed(program: Program, ticks: bigint): bigint {
  const now = () => {
    expect(program.call('clock_time_get', MONOTONIC, 0n, OUT)).toBe(SUCCESS);
    return program.long(OUT);
  };
  program.machine.tscStep = 0n;
  const start = now();
  program.machine.tsc += ticks;
  return now() - start;
}

const secure = (machine: BareMachine) => {
  machine.sevStatus |= BigInt(SECURE_TSC);
  machine.record.sevStatus = machine.sevStatus;
  machine.info.featuresAllowed |= BigInt(SECURE_TSC);
};

const noLeaf = (machine: BareMachine) => {
  machine.leaves.set(Cpuid.LEAF_FREQUENCIES, [0, 0, 0, 0]);
};

describe('the clock', () => {
  it('counts with Secure TSC by the AMD-SP’s word, not the host’s (B29)', () => {
    const factored = (factor: number) => (machine: BareMachine) => {
      secure(machine);
      machine.tscFrequency = 2500n;
      new DataView(machine.memory.page(BigInt(PLACES.secrets)).buffer).setUint32(
        PLACES.secrets + 0x160,
        factor,
        true,
      );
    };
    asProgram(
      'snp',
      (program) => expect(passed(program, 2_500_000n)).toBe(1_000_000n),
      factored(0),
    );
    asProgram(
      'snp',
      (program) => expect(passed(program, 2_495_000n)).toBe(1_000_000n),
      factored(200),
    );
  });

  it.each(['none', 'sev', 'sev-es', 'snp'] as const)(
    'counts by what CPUID says where there is no better (mode %s)',
    (mode) => {
      asProgram(mode, (program) => {
        expect(passed(program, 2_000_000_000n)).toBe(1_000_000_000n);
        expect(passed(program, 1_000n)).toBe(500n);
        // Years, without overflow.
        expect(passed(program, 2_000_000_000n * 86_400n * 3650n)).toBe(86_400n * 3650n * 10n ** 9n);
        expect(program.call('clock_res_get', MONOTONIC, OUT)).toBe(SUCCESS);
        expect(program.long(OUT)).toBe(1n);
      });
    },
  );

  it('is measured where CPUID has nothing to say', () => {
    // A counter that falls by one in each 1,000 ticks of the TSC: 1.193182 GHz.
    const pit = (machine: BareMachine) => {
      noLeaf(machine);
      machine.tscStep = 0n;
      let low = true;
      let latched = 0;
      const { out } = machine;
      machine.out = (port, value) => {
        if (port === Pit.CONTROL && value === Pit.COUNTER_0_LATCH) {
          machine.tsc += 1000n;
          latched = Number(0xffffn - machine.tsc / 1000n) & 0xffff;
        } else if (port !== Pit.CONTROL && port !== Pit.COUNTER_0) out.call(machine, port, value);
      };
      const { in: read } = machine;
      machine.in = (port) => {
        if (port !== Pit.COUNTER_0) return read.call(machine, port);
        low = !low;
        return low ? latched >> 8 : latched & 0xff;
      };
    };
    asProgram(
      'none',
      (program) => {
        const seen = passed(program, 1_193_182_000n);
        expect(Math.abs(Number(seen) / 1e9 - 1)).toBeLessThan(0.001);
      },
      pit,
    );
  });

  it('is none where nothing says how fast it counts', () => {
    asProgram(
      'none',
      (program) => {
        expect(program.call('clock_time_get', MONOTONIC, 0n, OUT)).toBe(ENOTSUP);
        expect(program.call('clock_res_get', MONOTONIC, OUT)).toBe(ENOTSUP);
      },
      noLeaf,
    );
  });

  it('stops rather than go back when the host sets the counter back (B29)', () => {
    asProgram('snp', (program) => {
      expect(passed(program, 5_000n)).toBe(2_500n);
      expect(passed(program, -4_000n)).toBe(0n);
      expect(passed(program, -1n << 40n)).toBe(0n);
      expect(passed(program, 1n << 41n)).toBeGreaterThan(0n);
    });
  });

  it('tells no time of day, which nobody who is trusted has', () => {
    asProgram('none', (program) => {
      for (const clock of [REALTIME, 2, 3, 9]) {
        expect(program.call('clock_time_get', clock, 0n, OUT)).toBe(EINVAL);
        expect(program.call('clock_res_get', clock, OUT)).toBe(EINVAL);
      }
      expect(program.call('clock_time_get', MONOTONIC, 0n, 0x1_fffc)).toBe(EFAULT);
    });
  });
});
