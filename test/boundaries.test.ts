/**
 * Any event that VMRUN lets in, injected between any two instructions of a boot and of a tick of the timer,
 * and of the handlers of such events: the guest goes on as if nothing had been, or ends with a documented
 * reason. Some of it in `make test`, all of it in `make soak`.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import * as Cpu from '../spec/cpu.ts';
import * as Injection from '../spec/event-injection.ts';
import * as Exit from '../spec/exit.ts';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import type { Build } from '../tools/image/build.ts';
import { COMPLETE, chosen, drawn, injectAt, sampled, visit } from './boundaries/attempts.ts';
import { event, eventName, eventsFor, HV } from './boundaries/events.ts';
import { COMPLETED, Outcomes } from './boundaries/outcomes.ts';
import { everyBoundary, executionsToEnd, handlerEnd, type Plan, plan } from './boundaries/plan.ts';
import { type Ending, type Point, Subject, TARGETS, tickImages } from './boundaries/subject.ts';
import { type Boundary, follow } from './boundaries/trace.ts';
import { type Random, random } from './random.ts';

/** Console lines by the end of the tick: the kernel's, the program's first and second. */
const LINES = 3;
/** Places that are tried in `make test`, and events at each. */
const PLACES = 40;
const EVENTS = 6;

let builds: ReadonlyMap<HostName, Build>;
beforeAll(async () => {
  builds = await tickImages();
});

/** A guest at its start, what its boot is made of, and how it ends when left alone. */
interface Attacked {
  readonly subject: Subject;
  readonly start: Point;
  readonly boot: Plan;
  readonly honest: Ending;
}

const attacked = new Map<string, Attacked>();

/** The guest of a target, recorded at its first use. */
function attackedIn(mode: Mode, host: HostName): Attacked {
  const known = attacked.get(mode + host);
  if (known) return known;
  const subject = new Subject(builds.get(host) as Build, mode, host);
  const start = subject.snapshot();
  const boot = plan(subject, () => subject.console.split('\n').length > LINES);
  const honest = subject.finish();
  const made = { subject, start, boot, honest };
  attacked.set(mode + host, made);
  return made;
}

/** Nothing failed; and in `make soak`, how much was tried. */
function conclude(what: string, outcomes: Outcomes, seed: string): void {
  if (COMPLETE) console.log(`${what}: ${outcomes}`);
  expect(outcomes.failures, seed).toEqual([]);
  expect(outcomes.runs).toBeGreaterThan(0);
}

describe.each(TARGETS)('a guest (mode %s, host %s)', (mode, host) => {
  const { allowed } = eventsFor(mode, host);

  it('completes, or ends with its reason, whatever is injected where', () => {
    const { subject, start, boot, honest } = attackedIn(mode, host);
    expect(honest.console).toBe(`Tacit, mode ${mode}\ntick\ntick\n`);
    subject.restore(start);
    const next = random();
    const outcomes = new Outcomes(honest);
    const places = chosen(boot.boundaries, PLACES, next);
    injectAt(subject, places, () => drawn(allowed, EVENTS, next), outcomes);
    const { boundaries, addresses, within } = boot;
    const where = `${boundaries.length} boundaries (${addresses} addresses, ${within} in handlers and requests)`;
    conclude(`${subject.name}: ${allowed.length} events at ${where}`, outcomes, next.seed);
  });
});

describe('a guest that has just loaded its 64-bit IDT', () => {
  /** Boundaries until it has received what linker and shim left for it. */
  const FIRST = 150;

  it.each(TARGETS)('can tell its reason from there on (mode %s, host %s)', (mode, host) => {
    const { subject, start, honest } = attackedIn(mode, host);
    const { state } = subject.machine.core;
    const idt = subject.symbol('image.idt');
    const first: Boundary[] = [];
    subject.restore(start);
    follow(subject, (boundary) => {
      if (state.idtr.base === idt) first.push(boundary);
      return first.length < FIRST;
    });
    subject.restore(start);
    const events = [
      event(0x80, Injection.TYPE_INTERRUPT),
      event(Cpu.VECTOR_NMI, Injection.TYPE_NMI),
      event(Cpu.VECTOR_VC, Injection.TYPE_INTERRUPT, Exit.CPUID),
    ];
    const outcomes = new Outcomes(honest);
    injectAt(subject, first, () => (host === 'hv' ? [HV] : events), outcomes);
    expect(outcomes.failures).toEqual([]);
    expect(outcomes.counts.has(COMPLETED)).toBe(host === 'hv');
  });
});

describe('VMRUN of a guest with restricted injection', () => {
  const { allowed, refused } = eventsFor('snp', 'hv');
  const vectors = Array.from({ length: 256 }, (_, vector) => vector);

  it('lets #HV in', () => expect(allowed).toEqual([HV]));

  it.each(vectors)('refuses vector %i, whatever type and error code it is given', (vector) => {
    const { subject, start } = attackedIn('snp', 'hv');
    const events = refused.filter((word) => Number(word & 0xffn) === vector);
    expect(events.length).toBeGreaterThan(0);
    for (const word of events) {
      subject.restore(start);
      subject.machine.vcpu.inject(word);
      const cause = expect.stringMatching(/^VMRUN refused: restricted injection/);
      expect(subject.finish().end, eventName(word)).toEqual({ kind: 'shutdown', cause });
    }
  });
});

/** An event that a guest is serving, or dying of, when the next one comes. */
const OUTER: readonly (readonly [string, bigint])[] = [
  ['a vector that nobody asked for', event(0x80, Injection.TYPE_INTERRUPT)],
  ['a non-maskable interrupt', event(Cpu.VECTOR_NMI, Injection.TYPE_NMI)],
  ['a double fault', event(Cpu.VECTOR_DF, Injection.TYPE_EXCEPTION, 0)],
  ['a page fault', event(Cpu.VECTOR_PF, Injection.TYPE_EXCEPTION, 0)],
  ['a machine check', event(Cpu.VECTOR_MC, Injection.TYPE_EXCEPTION)],
  ['#UD', event(Cpu.VECTOR_UD, Injection.TYPE_EXCEPTION)],
];

describe.each(OUTER)('a guest that ends for %s', (_, outer) => {
  it.each(['sev-es', 'snp'] as const)('ends for that, or what comes within (mode %s)', (mode) => {
    const { subject, start, boot, honest } = attackedIn(mode, 'kvm');
    const { allowed } = eventsFor(mode, 'kvm');
    const next = random();
    subject.restore(start);
    // Where the program sleeps, so that everything is there that a handler might use.
    subject.runTo(boot.boundaries.at(-1)?.at ?? 0);
    subject.machine.vcpu.inject(outer);
    subject.deliver();
    const entered = subject.snapshot();
    const all = executionsToEnd(subject);
    subject.restore(entered);
    const outcomes = new Outcomes(honest);
    const where = ` within ${eventName(outer)}`;
    const places = chosen(all, PLACES, next);
    injectAt(subject, places, () => drawn(allowed, EVENTS, next), outcomes, where);
    expect(outcomes.counts.has(COMPLETED)).toBe(false);
    conclude(
      `${subject.name}: ${allowed.length} events at ${all.length} boundaries${where}`,
      outcomes,
      next.seed,
    );
  });
});

describe('a guest that takes #HV (mode snp, host hv)', () => {
  /** #HV at boundaries of the handler that the guest has just entered, and, so deep, at those of that one's handler. */
  function within(subject: Subject, outcomes: Outcomes, next: Random, depth: number): void {
    const entered = subject.snapshot();
    const all = everyBoundary(subject, handlerEnd());
    subject.restore(entered);
    const places = depth === 0 ? sampled(all, 3, next) : chosen(all, 8, next);
    visit(subject, places, ({ at, rip }, point) => {
      subject.machine.vcpu.inject(HV);
      const what = () => `#HV at ${at} (${rip.toString(16)}), ${depth} levels above the deepest`;
      outcomes.add(subject.finish(), what);
      if (depth === 0) return;
      subject.restore(point);
      subject.machine.vcpu.inject(HV);
      subject.deliver();
      within(subject, outcomes, next, depth - 1);
    });
  }

  it.each([
    ['the tick that it waits for', (boundary: Boundary) => boundary.delivered],
    ['one that comes where interrupts are off', (boundary: Boundary) => !boundary.delivered],
  ])('completes when another comes within %s, and a third within that', (_, wanted) => {
    const { subject, start, boot, honest } = attackedIn('snp', 'hv');
    const place = boot.boundaries.findLast(wanted);
    if (!place) throw new RangeError('nothing was recorded');
    const next = random();
    subject.restore(start);
    subject.runTo(place.at);
    if (!place.delivered) subject.machine.vcpu.inject(HV);
    subject.deliver();
    const outcomes = new Outcomes(honest);
    within(subject, outcomes, next, 1);
    expect([...outcomes.counts.keys()]).toEqual([COMPLETED]);
    conclude(`${subject.name}: #HV within #HV`, outcomes, next.seed);
  });
});
