import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { readManifest } from '../../image/manifest.ts';
import { root } from '../../root.ts';
import { type GuestRun, runGuest } from './run.ts';
import * as Do from './scenarios.ts';
import { buildBenchKernel, type Way } from './ways.ts';

const MEMORY = 8 * 2 ** 20;
const HOSTS = ['kvm', 'hv'] as const;

describe('the guest of the benchmarks', () => {
  const runs = new Map<string, GuestRun>();
  const run = (way: Way, host: string): GuestRun => {
    const found = runs.get(`${way} ${host}`);
    if (!found) throw new RangeError(`no run of ${way} on ${host}`);
    return found;
  };
  const counts = (way: Way, host: string, scenario: number) =>
    run(way, host).scenarios.get(scenario);

  beforeAll(async () => {
    const luggage = readManifest(join(root, 'examples/luggage/tacit.json'));
    for (const way of ['tacit', 'linux'] as const) {
      const kernel = await buildBenchKernel(way);
      for (const host of HOSTS) {
        const { igvm } = await buildImage({ ...luggage, host }, { kernel });
        runs.set(`${way} ${host}`, runGuest(igvm, host, MEMORY));
      }
    }
  });

  it.each(HOSTS)('has the same effect whichever way it does things (host %s)', (host) => {
    const { console, written, pages } = run('tacit', host).effect;
    expect(run('linux', host).effect).toEqual({ console, written, pages });
    // A line each by string and by bytes, as often as is counted.
    const line = String.fromCharCode(
      ...Array.from({ length: Do.LINE_SIZE - 1 }, (_, i) => 0x41 + i),
    );
    expect(console.split(`${line}\n`)).toHaveLength(2 * Do.TIMES + 1);
    expect(console).toContain(`ticks ${Do.TIMES.toString(16)}\n`);
    expect(console).toContain(`report of ${'5a'.repeat(8)}\n`);
    expect(written).toEqual(Array.from({ length: Do.TIMES }, (_, i) => i));
    expect(pages.private).toBeGreaterThan(MEMORY / 4096 - 16);
  });

  it.each(HOSTS)('does all that is to be counted (host %s)', (host) => {
    const all = Array.from({ length: Do.REPORT }, (_, i) => i + 1);
    for (const way of ['tacit', 'linux'] as const) {
      expect([...run(way, host).scenarios.keys()]).toEqual(all);
    }
  });

  it.each(HOSTS)('raises #VC in the other way alone (host %s)', (host) => {
    const vcs = (way: Way, scenario: number) => counts(way, host, scenario)?.vcs;
    for (const [scenario, { vcs: ours }] of run('tacit', host).scenarios) {
      expect([scenario, ours]).toEqual([scenario, 0]);
    }
    for (const scenario of [Do.PORT_READ, Do.PORT_WRITE, Do.MSR_READ, Do.MSR_WRITE]) {
      expect(vcs('linux', scenario)).toBe(Do.TIMES);
    }
    expect(vcs('linux', Do.BYTES)).toBe(2 * Do.LINE_SIZE * Do.TIMES);
    expect(vcs('linux', Do.TICK)).toBeGreaterThanOrEqual(Do.TIMES);
  });

  it('asks for each page where Linux does, and else for many at once', () => {
    const pages = (way: Way) => {
      const { validated4k = 0, validated2m = 0 } = counts(way, 'kvm', Do.ACCEPTANCE) ?? {};
      return validated4k + 512 * validated2m;
    };
    expect(pages('linux')).toBe(pages('tacit'));
    expect(counts('linux', 'kvm', Do.ACCEPTANCE)).toMatchObject({
      vmgexits: pages('linux'),
      validated2m: 0,
    });
    const ours = counts('tacit', 'kvm', Do.ACCEPTANCE);
    expect(ours?.validated2m).toBe(MEMORY / 2 ** 21 - 1);
    expect(ours?.vmgexits).toBeLessThan(5);
    expect(counts('tacit', 'hv', Do.ACCEPTANCE)?.vmgexits).toBe(0);
  });
});
