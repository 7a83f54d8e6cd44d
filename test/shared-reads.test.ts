/**
 * Each read that a guest makes of memory that its host can write, and of the GHCB MSR, from boot through a
 * tick of the timer to a message to the AMD-SP, answered with something else: only that read, and only then.
 * Some of it in `make test`, all of it in `make soak`.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { CPUID_REQUEST, INFO_MASK } from '../spec/ghcb-msr.ts';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import type { Build } from '../tools/image/build.ts';
import { COMPLETE } from './boundaries/attempts.ts';
import { listExits, type Meddling, meddleWithExits } from './boundaries/exits.ts';
import { Outcomes, SLOWED, TOLD } from './boundaries/outcomes.ts';
import { hostileValues, listReads, SharedAccesses } from './boundaries/shared-reads.ts';
import { Subject, tickImages } from './boundaries/subject.ts';
import { type Random, random } from './random.ts';

const TARGETS: readonly (readonly [Mode, HostName])[] = [
  ['sev-es', 'kvm'],
  ['snp', 'kvm'],
  ['snp', 'hv'],
];
/** Lies in `make test`, about. */
const LIES = 80;

let builds: ReadonlyMap<HostName, Build>;
beforeAll(async () => {
  builds = await tickImages();
});

/** All of `list` in `make soak`, else about one in so many of its entries. */
function some<T>(list: readonly T[], oneIn: number, next: Random): readonly T[] {
  return COMPLETE ? list : list.filter(() => next() % oneIn === 0);
}

describe.each(TARGETS)(
  'a guest whose host changes what it reads (mode %s, host %s)',
  (mode, host) => {
    it('completes, or ends with its reason, and gives no secret away, whichever read it is', () => {
      const subject = new Subject(builds.get(host) as Build, mode, host);
      const { core, memory } = subject.machine;
      const meddling: Meddling = {};
      meddleWithExits(subject.machine, meddling);
      const start = subject.snapshot();
      const exits = listExits(subject, meddling);
      const honest = subject.finish();
      const outcomes = new Outcomes(honest, [TOLD]);
      // CPUID by the MSR protocol tells, among other things, how fast the TSC is.
      const cpuid = new Outcomes(honest, [SLOWED]);
      const accesses = new SharedAccesses(subject, exits);
      subject.restore(start);
      const next = random();
      let reads = 0;

      const finish = (what: () => string, counts = outcomes) => {
        counts.add(subject.finish(), what);
      };

      exits.forEach(({ at, msr, event }, i) => {
        // Right after the answer, from where the reads are counted up to the next exit.
        subject.runTo(at + 1);
        const answered = subject.snapshot();
        if (event === undefined) {
          reads++;
          const told = (msr & BigInt(INFO_MASK)) === BigInt(CPUID_REQUEST) ? cpuid : outcomes;
          const bytes = new Uint8Array(8);
          new DataView(bytes.buffer).setBigUint64(0, core.state.ghcb, true);
          for (const lie of some(hostileValues(bytes, next), 20, next)) {
            subject.restore(answered);
            core.state.ghcb = Buffer.from(lie).readBigUInt64LE();
            finish(() => `exit ${i}: the GHCB MSR reads ${Buffer.from(lie).toString('hex')}`, told);
          }
          subject.restore(answered);
        }
        const list = listReads(subject, accesses, exits[i + 1]?.at ?? Number.POSITIVE_INFINITY);
        reads += list.length;
        subject.restore(answered);
        accesses.begin();
        const watched = subject.snapshot();
        for (const { nth, gpa, value } of list) {
          for (const lie of some(hostileValues(value, next), 60, next)) {
            subject.restore(watched);
            accesses.begin();
            accesses.seen = (count) => {
              if (count === nth) memory.writeGuest(gpa, lie);
            };
            const what = Buffer.from(lie).toString('hex');
            finish(() => `exit ${i}, read ${nth} of 0x${gpa.toString(16)} finds ${what}`);
          }
        }
        subject.restore(answered);
        accesses.end();
      });
      const { name } = subject;
      if (COMPLETE) {
        console.log(`${name}: ${exits.length} exits, ${reads} reads: ${outcomes}`);
        console.log(`${name}, CPUID by the GHCB MSR: ${cpuid}`);
      }
      expect([...outcomes.failures, ...cpuid.failures], next.seed).toEqual([]);
      expect(outcomes.runs).toBeGreaterThan(LIES / 4);
    });
  },
);
