import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/root.ts';
import type { Ending } from './subject.ts';

/** What a run came to, where that is as it should be. */
export const COMPLETED = 'completed';
export const SHUTDOWN = 'shutdown before there is an IDT';
/** The program is told that there is no answer from the AMD-SP, and says so by its exit. */
export const TOLD = 'the program is told';
const EIO = 29;
/** The guest waits for good for an event that its host has taken from it. */
export const ASLEEP = 'waits for good';
/** The guest believes a host (without Secure TSC it has to) that its clock runs slowly, and sleeps longer. */
export const SLOWED = 'sleeps longer';
/** The guest comes to a page that is not its own, as its host said it was: the architecture lets it in no way. */
export const RMP_FAULT = 'stopped by the RMP';

/** Most failures that are kept: they are told in words. */
const MOST_FAILURES = 40;

/** Set and reason of each ending that docs/termination.md explains, as in `7, 1ah`. */
function documentedReasons(): ReadonlySet<string> {
  const text = readFileSync(join(root, 'docs/termination.md'), 'utf8');
  return new Set([...text.matchAll(/^\| (\d, [0-9a-f]+h) +\|/gm)].map(([, key = '']) => key));
}

/** As the table of docs/termination.md has it. */
function documentKey(set: number, reason: number): string {
  return `${set}, ${reason.toString(16).padStart(2, '0')}h`;
}

/** Counts what runs came to, and keeps those that came to what they must not. */
export class Outcomes {
  readonly counts = new Map<string, number>();
  readonly failures: string[] = [];
  runs = 0;
  readonly #honest: Ending;
  readonly #also: readonly string[];
  readonly #reasons = documentedReasons();
  readonly #started = process.cpuUsage();

  /** `honest`: how the guest ends that nobody attacks; `also`: what else may be, of the above. */
  constructor(honest: Ending, also: readonly string[] = []) {
    this.#honest = honest;
    this.#also = also;
  }

  /**
   * Counts a run. Its output may be the honest one with its exit, or it ended for a documented reason, or,
   * before there was a 64-bit IDT, in a shutdown. Anything else is a failure, and so is a secret that the host
   * saw: it comes back in words, in which `what` tells what was done to the guest.
   */
  add(ending: Ending, what: () => string): string | undefined {
    this.runs++;
    if (ending.leaked) return this.fail(`${what()}: the host has seen a secret`);
    const outcome = this.#classify(ending);
    if (outcome === undefined) return this.fail(`${what()}: ${JSON.stringify(ending)}`);
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
    return undefined;
  }

  /** Keeps a failure, in words. */
  fail(words: string): string {
    if (this.failures.length < MOST_FAILURES) this.failures.push(words);
    return words;
  }

  #classify({ end, console, early }: Ending): string | undefined {
    if (end.kind === 'panic') {
      return this.#reasons.has(documentKey(end.set, end.reason)) ? end.name : undefined;
    }
    if (end.kind === 'shutdown') {
      // Whatever stopped it: a host that raises #GP at the shim's first RDMSR has it take memory for its own that is not.
      if (early) return SHUTDOWN;
      return end.cause.startsWith('RMP fault') ? this.#may(RMP_FAULT) : undefined;
    }
    if (end.kind === 'idle') return this.#may(ASLEEP);
    if (end.kind === 'limit') return this.#may(SLOWED);
    const { end: honest, console: said } = this.#honest;
    if (console !== said || end.kind !== 'exit' || honest.kind !== 'exit') return undefined;
    if (end.code === honest.code) return COMPLETED;
    return end.code === EIO ? this.#may(TOLD) : undefined;
  }

  #may(outcome: string): string | undefined {
    return this.#also.includes(outcome) ? outcome : undefined;
  }

  /** The counts in a line, with the processor's time, which other work on the machine does not change. */
  toString(): string {
    const { user, system } = process.cpuUsage(this.#started);
    const seconds = (user + system) / 1_000_000;
    const each = [...this.counts].sort(([, a], [, b]) => b - a).map(([name, n]) => `${name} ${n}`);
    const rate = Math.round(this.runs / seconds);
    return `${this.runs} runs in ${seconds.toFixed(1)} s of CPU (${rate} a second): ${each.join(', ')}`;
  }
}
