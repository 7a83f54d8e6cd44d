/**
 * Programs that fill their stack. The last of it is not theirs: what is in hand there is for the kernel's functions
 * that they call, and for whatever arrives meanwhile.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { STACK_IN_HAND } from '../spec/abi/platform.ts';
import * as Cpu from '../spec/cpu.ts';
import * as Injection from '../spec/event-injection.ts';
import * as Exit from '../spec/exit.ts';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { type Build, buildImage, buildKernel } from '../tools/image/build.ts';
import { root } from '../tools/root.ts';
import { chosen, visit } from './boundaries/attempts.ts';
import { event, eventName, HV } from './boundaries/events.ts';
import { Outcomes } from './boundaries/outcomes.ts';
import { everyBoundary } from './boundaries/plan.ts';
import { type Ending, type Point, Subject, TARGETS } from './boundaries/subject.ts';
import { type Boundary, follow } from './boundaries/trace.ts';
import { random } from './random.ts';

/** Calls itself, and does so after calls of the kernel. */
const PROGRAMS = ['deep', 'calls'] as const;
type Program = (typeof PROGRAMS)[number];

/** What a host without restricted injection can bring anywhere, by each of its ways. */
const EVENTS = [
  event(0x40, Injection.TYPE_INTERRUPT),
  event(0x80, Injection.TYPE_INTERRUPT),
  event(Cpu.VECTOR_NMI, Injection.TYPE_NMI),
  event(Cpu.VECTOR_GP, Injection.TYPE_EXCEPTION, 0),
  event(Cpu.VECTOR_VC, Injection.TYPE_INTERRUPT, Exit.CPUID),
];
/** Instructions between two looks at where the stack pointer is, and bytes from its lowest at which it is followed. */
const STRIDE = 100;
const NEAR = 600n;
/** Places that are tried in `make test`. */
const PLACES = 12;

const builds = new Map<string, Build>();
beforeAll(async () => {
  const kernel = await buildKernel();
  for (const program of PROGRAMS) {
    for (const host of ['kvm', 'hv'] as const) {
      const manifest = {
        folder: join(root, 'test/fixtures'),
        name: program,
        program: `stack/${program}.ts`,
        args: [],
        env: {},
        modes: ['none', 'sev', 'sev-es', 'snp'] as const,
        host,
        memory: 0x2_0000,
        imports: ['wasi_snapshot_preview1.*'],
        drivers: [],
      };
      builds.set(program + host, await buildImage(manifest, { kernel }));
    }
  }
});

/** A guest whose program is about to run out of stack. */
interface Full {
  readonly subject: Subject;
  /** Far from the end of its stack. */
  readonly roomy: Point;
  /** What it executes next, up to the page fault. */
  readonly last: readonly Boundary[];
  readonly near: Point;
  readonly honest: Ending;
}

/** Takes a program to where its stack is nearly full. */
function fill(program: Program, mode: Mode, host: HostName): Full {
  const subject = new Subject(builds.get(program + host) as Build, mode, host);
  const { core } = subject.machine;
  const start = subject.snapshot();
  const honest = subject.finish();
  const deepest = core.state.cr2 + BigInt(STACK_IN_HAND);
  subject.restore(start);
  const runTo = (bytes: bigint) => {
    const isThere = () => core.state.rsp > deepest && core.state.rsp < deepest + bytes;
    while (!isThere()) {
      const { ended } = subject.machine.hypervisor;
      if (ended) throw new RangeError(`its stack is never that full: ${JSON.stringify(ended)}`);
      subject.runTo(core.instructions + STRIDE);
    }
    return subject.snapshot();
  };
  const roomy = runTo(0x3_0000n);
  const near = runTo(NEAR);
  const stubs = { from: subject.symbol('boot!vector.0'), to: subject.symbol('boot!trap') };
  const last = everyBoundary(subject, ({ rip }) => rip >= stubs.from && rip <= stubs.to);
  subject.restore(near);
  return { subject, roomy, last, near, honest };
}

/** The reason that the guest ends with when `word` is injected now. */
function endFor(subject: Subject, word: bigint): string {
  subject.machine.vcpu.inject(word);
  const { end } = subject.finish();
  return end.kind === 'panic' ? end.name : end.kind;
}

describe.each(PROGRAMS)('a program that fills its stack (%s)', (program) => {
  it.each(TARGETS)(
    'is ended alone, and its host can but end the guest, as anywhere (mode %s, host %s)',
    (mode, host) => {
      const { subject, roomy, last, near, honest } = fill(program, mode, host);
      expect(honest.end).toMatchObject({ kind: 'panic', name: 'STACK_EXHAUSTED' });
      expect(honest.console).toMatch(/^panic 715: call stack exhausted at stack\/\w+\.ts:\d+$/m);
      const next = random();
      const places = chosen(last, PLACES, next);
      expect(places.length).toBeGreaterThan(0);
      if (host === 'hv') {
        visit(subject, places, ({ at }, point) => {
          subject.restore(point);
          subject.machine.vcpu.inject(HV);
          expect(subject.finish(), `#HV at ${at}, ${next.seed}`).toEqual(honest);
        });
      } else {
        const elsewhere = EVENTS.map((word) => {
          subject.restore(roomy);
          return endFor(subject, word);
        });
        subject.restore(near);
        visit(subject, places, ({ at }, point) => {
          for (const [i, word] of EVENTS.entries()) {
            subject.restore(point);
            const what = `${eventName(word)} at ${at}, ${next.seed}`;
            expect(endFor(subject, word), what).toBe(elsewhere[i]);
          }
        });
      }
      subject.restore(near);
      const left = subject.symbol('boot!left');
      let isBack = false;
      follow(subject, ({ rip }) => {
        isBack ||= rip === left;
        return !isBack;
      });
      expect(isBack).toBe(true);
    },
  );

  it.each(['sev-es', 'snp'] as const)(
    'leaves room for what comes while the guest ends (mode %s)',
    (mode) => {
      const { subject, last, honest } = fill(program, mode, 'kvm');
      const next = random();
      subject.runTo(last.at(-1)?.at ?? 0);
      subject.machine.vcpu.inject(EVENTS[1] as bigint);
      subject.deliver();
      const entered = subject.snapshot();
      const all = everyBoundary(subject, () => false);
      subject.restore(entered);
      const outcomes = new Outcomes(honest);
      visit(subject, chosen(all, PLACES, next), ({ at }, point) => {
        for (const word of EVENTS) {
          subject.restore(point);
          subject.machine.vcpu.inject(word);
          outcomes.add(subject.finish(), () => `${eventName(word)} at ${at}`);
        }
      });
      expect(outcomes.failures, next.seed).toEqual([]);
      const { counts } = outcomes;
      for (const lack of ['STACK_EXHAUSTED', 'DOUBLE_FAULT']) {
        expect(counts.has(lack), `${lack}, ${next.seed}`).toBe(false);
      }
    },
  );
});
