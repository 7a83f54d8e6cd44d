import { beforeAll, describe, expect, it } from 'vitest';
import * as Apic from '../../spec/apic.ts';
import { InterruptingHost } from '../../test/kernel/interrupting-host.ts';
import { BareMachine, type Options, WAIT_OPEN } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { Program } from '../../test/kernel/program.ts';
import { panicked } from '../../test/kernel/run.ts';

const TIMER = 0x40;
const SPURIOUS = 0xff;
const [SUCCESS, EBADF, EFAULT, EINVAL] = [0, 8, 21, 28];
const [ASKED, EVENTS, COUNT] = [0x1000, 0x2000, 0x3000];
/** In nanoseconds; the TSC counts two for each. */
const MILLISECOND = 1_000_000;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

/** A program on a host whose timer, by way of `wait`, comes whenever the guest waits. */
function asProgram(act: (program: Program) => void, options: Partial<Options> = {}) {
  const host = new InterruptingHost();
  let waits = 0;
  const machine = new BareMachine(module, {
    mode: 'snp',
    hypervisor: host.hypervisor,
    wait: (made) => {
      waits++;
      made.tsc += 800_000n;
      made.trap(TIMER, { rip: WAIT_OPEN, rflags: 0x202n });
    },
    program: (made) => act(new Program(made)),
    ...options,
  });
  return { end: machine.run(), host, waits: () => waits, machine };
}

/** Subscription `i`: to the clock, in so many nanoseconds. */
function subscribe(program: Program, i: number, timeout: number, id = 1, flags = 0): void {
  const at = ASKED + 48 * i;
  program.storeWords(at, 100 + i, 0, 0, 0, id, 0, timeout, 0, 0, 0, flags, 0);
}

/** Subscription `i`: to reading (1) or writing (2) a descriptor. */
function subscribeTo(program: Program, i: number, tag: number, fd: number): void {
  program.storeWords(ASKED + 48 * i, 100 + i, 0, tag, 0, fd);
}

const poll = (program: Program, n: number) => program.call('poll_oneoff', ASKED, EVENTS, n, COUNT);

/** Events as [userdata, errno, type]. */
function events(program: Program): number[][] {
  return Array.from({ length: program.word(COUNT) }, (_, i) => {
    const at = EVENTS + 32 * i;
    const [low = 0, high = 0, type = 0] = program.bytes(at + 8, 3);
    return [program.word(at), low | (high << 8), type];
  });
}

describe('poll_oneoff', () => {
  it('sleeps until the clock says so, however often the timer comes', () => {
    const { end, host, waits } = asProgram((program) => {
      const before = program.machine.tsc;
      subscribe(program, 0, MILLISECOND);
      expect(poll(program, 1)).toBe(SUCCESS);
      expect(events(program)).toEqual([[100, SUCCESS, 0]]);
      expect(program.machine.tsc - before).toBeGreaterThanOrEqual(BigInt(2 * MILLISECOND));
    });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(waits()).toBe(3);
    expect(host.ends).toBe(3);
  });

  it.each([
    ['leaves a timer alone that has come', TIMER, false],
    ['stops a timer that nobody waits for any more', SPURIOUS, true],
  ] as const)('%s', (_, vector, stops) => {
    const { host } = asProgram(
      (program) => {
        subscribe(program, 0, MILLISECOND);
        expect(poll(program, 1)).toBe(SUCCESS);
      },
      {
        wait: (made) => {
          made.tsc += 2_000_000n;
          made.trap(vector, { rip: WAIT_OPEN, rflags: 0x202n });
        },
      },
    );
    const last = host.written.findLast(([r]) => r === Apic.INITIAL_COUNT)?.[1];
    expect(last === 0n).toBe(stops);
  });

  it('is woken by the first of several, and tells of no other', () => {
    asProgram((program) => {
      subscribe(program, 0, 9 * MILLISECOND);
      subscribe(program, 1, MILLISECOND);
      expect(poll(program, 2)).toBe(SUCCESS);
      expect(events(program)).toEqual([[101, SUCCESS, 0]]);
    });
  });

  it('does not sleep for a time that has passed', () => {
    const { waits } = asProgram((program) => {
      subscribe(program, 0, 0);
      subscribe(program, 1, 1, 1, 1);
      expect(poll(program, 2)).toBe(SUCCESS);
      expect(events(program)).toEqual([
        [100, SUCCESS, 0],
        [101, SUCCESS, 0],
      ]);
    });
    expect(waits()).toBe(0);
  });

  it('finds descriptors ready at once, and unknown ones bad', () => {
    const { waits } = asProgram((program) => {
      subscribe(program, 0, MILLISECOND);
      subscribeTo(program, 1, 2, 1);
      subscribeTo(program, 2, 1, 0);
      subscribeTo(program, 3, 2, 0);
      subscribeTo(program, 4, 1, 7);
      expect(poll(program, 5)).toBe(SUCCESS);
      expect(events(program)).toEqual([
        [101, SUCCESS, 2],
        [102, SUCCESS, 1],
        [103, EBADF, 2],
        [104, EBADF, 1],
      ]);
    });
    expect(waits()).toBe(0);
  });

  it('knows no other clock, and refuses what makes no sense', () => {
    asProgram((program) => {
      subscribe(program, 0, MILLISECOND, 0);
      expect(poll(program, 1)).toBe(SUCCESS);
      expect(events(program)).toEqual([[100, EINVAL, 0]]);
      expect(poll(program, 0)).toBe(EINVAL);
      expect(poll(program, 0x4000_0000)).toBe(EINVAL);
      expect(program.call('poll_oneoff', 0x1_ffff, EVENTS, 1, COUNT)).toBe(EFAULT);
      expect(program.call('poll_oneoff', ASKED, EVENTS, 1, 0x1_ffff)).toBe(EFAULT);
      subscribeTo(program, 0, 3, 0);
      expect(poll(program, 1)).toBe(EINVAL);
    });
  });

  it.each([
    ['does not keep what is written to it', Apic.SPURIOUS, 0n],
    ['does not count', Apic.CURRENT_COUNT, 0xffff_ffffn],
  ])('ends the guest if its APIC %s', (_, register, value) => {
    const host = new InterruptingHost();
    host.stuck.set(register, value);
    const { end } = asProgram(
      (program) => {
        subscribe(program, 0, MILLISECOND);
        poll(program, 1);
      },
      { hypervisor: host.hypervisor },
    );
    expect(end).toEqual(panicked('APIC_BAD'));
  });
});
