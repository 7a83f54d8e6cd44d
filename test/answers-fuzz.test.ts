/**
 * Answers that a host makes up: GHCB replies, headers of page-state changes, doorbell pages. (Those of the
 * AMD-SP are in psp-fuzz.test.ts.) Whatever they are, the guest completes or ends with a documented reason,
 * and no secret is where the host can read it. fast-check makes them, and shrinks what fails.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import * as Event from '../spec/ghcb-event.ts';
import { CPUID_REQUEST, INFO_MASK } from '../spec/ghcb-msr.ts';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import type { Build } from '../tools/image/build.ts';
import { type Place, visit } from './boundaries/attempts.ts';
import { HV } from './boundaries/events.ts';
import * as Exits from './boundaries/exits.ts';
import * as Lies from './boundaries/lies.ts';
import { ASLEEP, Outcomes, RMP_FAULT, SLOWED, TOLD } from './boundaries/outcomes.ts';
import { plan } from './boundaries/plan.ts';
import { type Point, Subject, tickImages } from './boundaries/subject.ts';
import { random } from './random.ts';

/** Cases of each kind; `make soak` asks for 100,000. TACIT_SEED replays them. */
const CASES = Number(process.env.TACIT_FUZZ_CASES ?? 60);
/** From so many cases on it is told what they came to. */
const COUNTED = 1000;
/** Cases at one place of a run, one after the other. */
const AT_ONE_PLACE = 10;

let builds: ReadonlyMap<HostName, Build>;
beforeAll(async () => {
  builds = await tickImages();
});

/** Where a host lies: for a request, what the guest had in its GHCB MSR. */
type LiePlace = Place & Partial<Pick<Exits.GuestExit, 'msr'>>;

/** A guest with a hand on its exits. */
class Fuzzed {
  readonly subject: Subject;
  readonly meddling: Exits.Meddling = {};
  readonly exits: readonly Exits.GuestExit[];
  readonly start: Point;
  readonly #outcomes: Outcomes;
  /** Where the lie is about CPUID by the MSR protocol: that tells, among other things, how fast the TSC is. */
  readonly #cpuid: Outcomes;

  constructor(mode: Mode, host: HostName, ...also: readonly string[]) {
    this.subject = new Subject(builds.get(host) as Build, mode, host);
    Exits.meddleWithExits(this.subject.machine, this.meddling);
    this.start = this.subject.snapshot();
    this.exits = Exits.listExits(this.subject, this.meddling);
    const honest = this.subject.finish();
    this.#outcomes = new Outcomes(honest, [TOLD, ...also]);
    this.#cpuid = new Outcomes(honest, [SLOWED]);
    this.subject.restore(this.start);
  }

  /** The GHCB's page. */
  get ghcb(): bigint {
    return Exits.ghcbOf(this.exits);
  }

  /** Tries lies at some of `places`, from a snapshot made there; `tell` has the host tell one. */
  tryAt<T>(places: readonly LiePlace[], lies: fc.Arbitrary<T>, tell: (lie: T) => void): void {
    const next = random();
    const most = CASES / AT_ONE_PLACE;
    const some = places.filter(() => next() % places.length < most);
    const numRuns = Math.ceil(CASES / some.length);
    this.subject.restore(this.start);
    visit(this.subject, some, ({ at, msr = 0n }, point) => {
      const isCpuid = (msr & BigInt(INFO_MASK)) === BigInt(CPUID_REQUEST);
      const outcomes = isCpuid ? this.#cpuid : this.#outcomes;
      const property = fc.property(lies, (lie) => {
        this.subject.restore(point);
        tell(lie);
        const failure = outcomes.add(this.subject.finish(), () => `at ${at}`);
        expect(failure, next.seed).toBeUndefined();
      });
      fc.assert(property, { seed: next() | 0, numRuns });
      this.meddling.before = undefined;
      this.meddling.after = undefined;
    });
    expect(this.#outcomes.runs + this.#cpuid.runs).toBeGreaterThanOrEqual(CASES);
    if (CASES < COUNTED) return;
    const { currentTestName } = expect.getState();
    console.log(`${currentTestName}: ${next.seed}, ${some.length} places, ${this.#outcomes}`);
    if (this.#cpuid.runs > 0)
      console.log(`${currentTestName}, CPUID by the GHCB MSR: ${this.#cpuid}`);
  }
}

describe.each([
  ['sev-es', 'kvm'],
  ['snp', 'kvm'],
  ['snp', 'hv'],
] as const)('a guest (mode %s, host %s)', (mode, host) => {
  it(`stands ${CASES} replies that its host makes up`, () => {
    const fuzzed = new Fuzzed(mode, host);
    const { subject, meddling, exits, ghcb } = fuzzed;
    const { core, memory } = subject.machine;
    fuzzed.tryAt(exits, Lies.replies, ({ edits, msr }) => {
      meddling.after = () => {
        meddling.after = undefined;
        Lies.tellReply(memory, ghcb, edits);
        if (msr) core.state.ghcb = msr.flip ? core.state.ghcb ^ msr.value : msr.value;
      };
    });
  });
});

describe.each(['kvm', 'hv'] as const)(
  'a guest whose pages change state (mode snp, host %s)',
  (host) => {
    it(`stands ${CASES} batches that its host does in part, or reports wrongly`, () => {
      const fuzzed = new Fuzzed('snp', host, RMP_FAULT);
      const { subject, meddling, exits, ghcb } = fuzzed;
      const { memory, hypervisor } = subject.machine;
      const { pscEntries } = hypervisor;
      const changes = exits.filter(({ event }) => event === Event.PAGE_STATE_CHANGE);
      fuzzed.tryAt(changes, Lies.batches, (lies) => {
        const left = [...lies];
        meddling.before = () => {
          const change = Exits.eventOf(subject.machine) === Event.PAGE_STATE_CHANGE;
          const lie = change ? left.shift() : undefined;
          hypervisor.pscEntries = lie?.entries ?? pscEntries;
          meddling.after = lie && (() => Lies.tellBatch(memory, ghcb, lie));
        };
      });
    });
  },
);

describe('a guest with a doorbell page (mode snp, host hv)', () => {
  it(`stands ${CASES} contents of it, signalled or not`, () => {
    const fuzzed = new Fuzzed('snp', 'hv', ASLEEP);
    const { subject, exits, start } = fuzzed;
    const { machine } = subject;
    const opened = exits.find(({ event }) => event === Event.HV_DOORBELL_PAGE)?.at ?? 0;
    const { boundaries } = plan(subject, () => machine.hypervisor.ended !== undefined);
    subject.restore(start);
    const places = boundaries.filter(({ at }) => at > opened);
    fuzzed.tryAt(places, Lies.doorbells, (lies) => {
      for (const lie of lies) {
        subject.runTo(machine.core.instructions + lie.after);
        if (machine.hypervisor.ended !== undefined) return;
        const page = machine.hypervisor.interrupts.doorbell;
        if (page !== undefined) Lies.tellDoorbell(machine.memory, page, lie);
        if (lie.signal) machine.vcpu.inject(HV);
      }
    });
  });
});
