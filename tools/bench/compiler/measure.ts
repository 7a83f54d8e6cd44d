import { join } from 'node:path';
import type { Engine, Prepared } from './engines.ts';
import type { Call, Worker } from './worker.ts';
import { assembleWorkload, type Workload } from './workloads.ts';

export type EngineName = 'baseRegister' | 'base0' | 'v8' | 'wasm2c';
export type Engines = Readonly<Record<EngineName, Engine>>;

/** What was measured of one workload. */
export interface Row {
  readonly workload: Workload;
  /** Median milliseconds, of the engines that ran it. */
  readonly times: Readonly<Partial<Record<EngineName, number>>>;
  /** Bytes of machine code. */
  readonly sizes: Readonly<Partial<Record<EngineName, number>>>;
  /** Median over the rounds of one engine's time by another's in the same round. */
  ratio(engine: EngineName, to: EngineName): number | undefined;
}

/**
 * Times `workload` on all engines, which take turns: what disturbs one round disturbs all of them. Throws
 * if two engines' checksums differ.
 */
export async function measure(
  workload: Workload,
  engines: Engines,
  rounds: number,
  folder: string,
): Promise<Row> {
  const wasm = await assembleWorkload(workload);
  const workers = new Map<EngineName, Worker>();
  const sizes: Partial<Record<EngineName, number>> = {};
  for (const name of Object.keys(engines) as EngineName[]) {
    const prepared: Prepared | undefined = engines[name](
      wasm,
      join(folder, workload.name),
      workload.isSimd,
    );
    if (!prepared) continue;
    workers.set(name, prepared.start());
    if (prepared.codeSize !== undefined) sizes[name] = prepared.codeSize;
  }
  try {
    // The first round brings code and memory in.
    await callAll(workload, workers, 0);
    const results: Map<EngineName, Call>[] = [];
    for (let i = 0; i < rounds; i++) results.push(await callAll(workload, workers, i));
    const time = (name: EngineName) => (calls: Map<EngineName, Call>) =>
      calls.get(name)?.milliseconds ?? Number.NaN;
    const times = [...workers.keys()].map((name) => [name, median(results.map(time(name)))]);
    return {
      workload,
      times: Object.fromEntries(times),
      sizes,
      ratio(name, to) {
        if (!workers.has(name) || !workers.has(to)) return undefined;
        return median(results.map((calls) => time(name)(calls) / time(to)(calls)));
      },
    };
  } finally {
    for (const worker of workers.values()) worker.close();
  }
}

/** One call on each engine, another one first each time. */
async function callAll(
  { name, n }: Workload,
  workers: ReadonlyMap<EngineName, Worker>,
  turn: number,
): Promise<Map<EngineName, Call>> {
  const order = [...workers];
  const calls = new Map<EngineName, Call>();
  for (let i = 0; i < order.length; i++) {
    const [engine, worker] = order[(i + turn) % order.length] as [EngineName, Worker];
    calls.set(engine, await worker.call(n));
  }
  const [first, ...others] = calls;
  for (const [engine, { checksum }] of others) {
    if (checksum === first?.[1].checksum) continue;
    throw new Error(`${name}: ${engine} has ${checksum}, ${first?.[0]} ${first?.[1].checksum}`);
  }
  return calls;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
