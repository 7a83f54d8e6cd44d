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

/** How often a workload is timed: `rounds` calls of each engine after each of `starts` of its processes. */
export interface Repeats {
  readonly starts: number;
  readonly rounds: number;
}

/**
 * Times `workload` on all engines, which take turns: what disturbs one round disturbs all of them. Where a
 * process's pages and V8's code come to lie is luck that lasts as long as it, so that they are started anew
 * from time to time. Throws if two engines' checksums differ.
 */
export async function measure(
  workload: Workload,
  engines: Engines,
  { starts, rounds }: Repeats,
  folder: string,
): Promise<Row> {
  const wasm = await assembleWorkload(workload);
  const prepared = new Map<EngineName, Prepared>();
  for (const name of Object.keys(engines) as EngineName[]) {
    const ready = engines[name](wasm, join(folder, workload.name), workload.isSimd);
    if (ready) prepared.set(name, ready);
  }
  const results: Map<EngineName, Call>[] = [];
  for (let i = 0; i < starts; i++) results.push(...(await timeOnce(workload, prepared, rounds)));
  const time = (name: EngineName) => (calls: Map<EngineName, Call>) =>
    calls.get(name)?.milliseconds ?? Number.NaN;
  const names = [...prepared.keys()];
  return {
    workload,
    times: Object.fromEntries(names.map((name) => [name, median(results.map(time(name)))])),
    sizes: Object.fromEntries([...prepared].map(([name, { codeSize }]) => [name, codeSize])),
    ratio(name, to) {
      if (!prepared.has(name) || !prepared.has(to)) return undefined;
      return median(results.map((calls) => time(name)(calls) / time(to)(calls)));
    },
  };
}

/** Starts a process of each engine, and has `rounds` calls of each. */
async function timeOnce(
  workload: Workload,
  prepared: ReadonlyMap<EngineName, Prepared>,
  rounds: number,
): Promise<Map<EngineName, Call>[]> {
  const workers = new Map([...prepared].map(([name, ready]) => [name, ready.start()]));
  try {
    // The first round brings code and memory in.
    await callAll(workload, workers, 0);
    const results: Map<EngineName, Call>[] = [];
    for (let i = 0; i < rounds; i++) results.push(await callAll(workload, workers, i));
    return results;
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
