import { join } from 'node:path';
import type { HostName } from '../../emulator/hypervisor/host-profile.ts';
import { buildImage } from '../../image/build.ts';
import { readManifest } from '../../image/manifest.ts';
import { root } from '../../root.ts';
import { type Counts, type GuestRun, runGuest } from './run.ts';
import * as Do from './scenarios.ts';
import { buildBenchKernel, type Way } from './ways.ts';

const MIB = 2 ** 20;

/** How a boot made RAM the guest's. */
export interface Acceptance {
  readonly way: Way;
  /** `kvm`: memory starts as the host's; `hv`: as the guest's, not validated. */
  readonly host: HostName;
  /** MiB of RAM. */
  readonly memory: number;
  /** MiB beyond which RAM waits for its first use; undefined: none does. */
  readonly lazyAbove: number | undefined;
  readonly counts: Counts;
}

/** What one operation takes, in our kernel and in the others' way of doing it. */
export interface Operation {
  readonly name: string;
  readonly ours: Counts;
  readonly linux: Counts;
  /** Undefined where COCONUT's way is ours. */
  readonly coconut: Counts | undefined;
}

export interface GuestMeasurement {
  readonly acceptances: readonly Acceptance[];
  readonly operations: readonly Operation[];
}

/** Boots the guests of the benchmarks; what it gives follows from the sources alone. */
export async function measureGuests(): Promise<GuestMeasurement> {
  const start = async (way: Way): Promise<Start> => {
    const kernel = await buildBenchKernel(way);
    const luggage = readManifest(join(root, 'examples/luggage/tacit.json'));
    return async (host, memory, lazyAbove) => {
      const lazy = lazyAbove === undefined ? {} : { lazyAbove: lazyAbove * MIB };
      const { igvm } = await buildImage({ ...luggage, host, ...lazy }, { kernel });
      return runGuest(igvm, host, memory * MIB);
    };
  };
  const starts = { tacit: await start('tacit'), linux: await start('linux') };
  const acceptances: Acceptance[] = [];
  const accept = async (way: Way, host: HostName, memory: number, lazyAbove?: number) => {
    const run = await starts[way](host, memory, lazyAbove);
    acceptances.push({ way, host, memory, lazyAbove, counts: countsOf(run, Do.ACCEPTANCE, 1) });
    return run;
  };
  const ours = await accept('tacit', 'kvm', 64);
  const linux = await accept('linux', 'kvm', 64);
  await accept('tacit', 'kvm', 256);
  await accept('linux', 'kvm', 256);
  await accept('tacit', 'kvm', 1024);
  await accept('tacit', 'kvm', 1024, 64);
  const oursByHv = await accept('tacit', 'hv', 64);
  await accept('tacit', 'hv', 256);
  await accept('tacit', 'hv', 1024);
  await accept('tacit', 'hv', 1024, 64);
  const linuxByHv = await starts.linux('hv', 64);
  const ticks = { name: 'tick of the timer, by #HV', ours: oursByHv, linux: linuxByHv };
  return {
    acceptances,
    operations: [...operationsOf(ours, linux), operation({ ...ticks, scenario: Do.TICK })],
  };
}

type Start = (host: HostName, memory: number, lazyAbove?: number) => Promise<GuestRun>;

function operationsOf(ours: GuestRun, linux: GuestRun): Operation[] {
  const both = { ours, linux };
  const named = (name: string, scenario: number) => operation({ name, scenario, ...both });
  const accepted = countsOf(ours, Do.ACCEPTANCE, 1);
  const pages = accepted.validated4k + 512 * accepted.validated2m;
  const line = countsOf(ours, Do.LINE, Do.TIMES);
  const bytes = (run: GuestRun) => countsOf(run, Do.BYTES, Do.TIMES);
  return [
    operation({ name: 'page accepted at boot', scenario: Do.ACCEPTANCE, ...both, times: pages }),
    named('page lent and taken back', Do.LOAN),
    {
      name: `line of ${Do.LINE_SIZE} bytes`,
      ours: line,
      linux: bytes(linux),
      coconut: bytes(ours),
    },
    named('byte to a port', Do.PORT_WRITE),
    named('byte from a port', Do.PORT_READ),
    named('write of an x2APIC register', Do.MSR_WRITE),
    named('read of an x2APIC register', Do.MSR_READ),
    named('tick of the timer, by vector', Do.TICK),
    // COCONUT seals messages in software too.
    {
      ...named('report, the first', Do.FIRST_REPORT),
      coconut: countsOf(linux, Do.FIRST_REPORT, 1),
    },
    { ...named('report, each other', Do.REPORT), coconut: countsOf(linux, Do.REPORT, Do.TIMES) },
  ];
}

interface Measured {
  readonly name: string;
  readonly scenario: number;
  readonly ours: GuestRun;
  readonly linux: GuestRun;
  /** How many it is divided among. */
  readonly times?: number;
}

function operation({ name, scenario, ours, linux, times }: Measured): Operation {
  const among = times ?? (scenario === Do.FIRST_REPORT ? 1 : Do.TIMES);
  return {
    name,
    ours: countsOf(ours, scenario, among),
    linux: countsOf(linux, scenario, among),
    coconut: undefined,
  };
}

/** What one of `times` takes. */
function countsOf({ scenarios }: GuestRun, scenario: number, times: number): Counts {
  const counts = scenarios.get(scenario);
  if (counts === undefined) throw new RangeError(`the guest did nothing between marks ${scenario}`);
  return {
    instructions: counts.instructions / times,
    exits: counts.exits / times,
    vmgexits: counts.vmgexits / times,
    vcs: counts.vcs / times,
    validated4k: counts.validated4k / times,
    validated2m: counts.validated2m / times,
  };
}
