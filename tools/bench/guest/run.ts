import { countPages, pageRuns } from '../../emulator/debug/page-states.ts';
import type { PortDevice } from '../../emulator/devices/port-bus.ts';
import type { HostName } from '../../emulator/hypervisor/host-profile.ts';
import type { Machine } from '../../emulator/machine.ts';
import { prepare } from '../../emulator/run.ts';
import type { PageCounts } from '../../emulator/statistics.ts';
import { describe } from '../../emulator/termination.ts';
import { DATA_PORT, DONE, MARK_PORT, NOTHING } from './scenarios.ts';

/** What the machine counted between two marks, without what the marks cost. */
export interface Counts {
  readonly instructions: number;
  /** #VMEXITs, but those by which the host first maps a page: when they come is its affair. */
  readonly exits: number;
  readonly vmgexits: number;
  readonly vcs: number;
  /** PVALIDATEs that made pages the guest's. */
  readonly validated4k: number;
  readonly validated2m: number;
}

/** A run of the guest of the benchmarks. */
export interface GuestRun {
  readonly scenarios: ReadonlyMap<number, Counts>;
  /** What it did that is to be the same whatever way it does it. */
  readonly effect: {
    readonly console: string;
    readonly written: readonly number[];
    readonly pages: PageCounts;
  };
}

const LIMIT = 2_000_000_000;

/** Runs `image`, a kernel of ways.ts, under SNP. Throws if it does not come to its end. */
export function runGuest(image: Uint8Array, host: HostName, memory: number): GuestRun {
  const console: number[] = [];
  const written: number[] = [];
  const machine = prepare(image, 'bench.igvm', {
    mode: 'snp',
    host,
    memory,
    console: (byte) => console.push(byte),
  });
  const marked = new Map<number, Counts>();
  let scenario = DONE;
  let start = countsOf(machine);
  const marks: PortDevice = {
    name: 'marks',
    width: 1,
    read: () => 0,
    write: (_, __, value) => {
      const now = countsOf(machine);
      if (value === DONE) marked.set(scenario, difference(now, start));
      scenario = value;
      start = now;
    },
  };
  const data: PortDevice = {
    name: 'data',
    width: 1,
    read: () => 0x5a,
    write: (_, __, value) => written.push(value),
  };
  machine.ports.add(MARK_PORT, 1, marks);
  machine.ports.add(DATA_PORT, 1, data);
  const termination = machine.hypervisor.run(LIMIT);
  if (termination.kind !== 'exit') throw new Error(`the guest: ${describe(termination)}`);
  const nothing = marked.get(NOTHING) ?? start;
  return {
    scenarios: new Map([...marked].map(([id, counts]) => [id, difference(counts, nothing)])),
    effect: {
      console: Buffer.from(console).toString('latin1'),
      written,
      pages: countPages(pageRuns(machine)),
    },
  };
}

function countsOf({ core, statistics }: Machine): Counts {
  const { exits, vmgexits, vcs, pvalidates } = statistics;
  const all = [...exits].reduce((sum, [name, count]) => (name === 'NPF' ? sum : sum + count), 0);
  return {
    instructions: core.instructions,
    exits: all,
    vmgexits,
    vcs,
    validated4k: pvalidates.validate4k,
    validated2m: pvalidates.validate2m,
  };
}

function difference(later: Counts, earlier: Counts): Counts {
  return {
    instructions: later.instructions - earlier.instructions,
    exits: later.exits - earlier.exits,
    vmgexits: later.vmgexits - earlier.vmgexits,
    vcs: later.vcs - earlier.vcs,
    validated4k: later.validated4k - earlier.validated4k,
    validated2m: later.validated2m - earlier.validated2m,
  };
}
