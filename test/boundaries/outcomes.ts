import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/root.ts';
import type { Ending } from './subject.ts';

/** What a run came to, where that is as it should be. */
export const COMPLETED = 'completed';
export const SHUTDOWN = 'shutdown before there is an IDT';

/** Most failures that are kept: they are told in words. */
const MOST_FAILURES = 40;

/** Names of the reasons that docs/termination.md explains. */
export function documentedReasons(): ReadonlySet<string> {
  const text = readFileSync(join(root, 'docs/termination.md'), 'utf8');
  return new Set([...text.matchAll(/^\|[^|]*\| `(\w+)`/gm)].map(([, name = '']) => name));
}

/** Counts what runs came to, and keeps those that came to what they must not. */
export class Outcomes {
  readonly counts = new Map<string, number>();
  readonly failures: string[] = [];
  runs = 0;
  readonly #honest: Ending;
  readonly #reasons = documentedReasons();
  readonly #started = performance.now();

  /** `honest`: how the guest ends that nobody attacks. */
  constructor(honest: Ending) {
    this.#honest = honest;
  }

  /**
   * Counts a run. Its output may be the honest one with its exit, or it ended for a documented reason, or,
   * where `early` says that there was no 64-bit IDT yet, in a shutdown. `what` tells what was done to it.
   */
  add({ end, console }: Ending, early: boolean, what: () => string): void {
    this.runs++;
    const outcome = this.#classify(end, console, early);
    if (outcome !== undefined) {
      this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
      return;
    }
    if (this.failures.length >= MOST_FAILURES) return;
    this.failures.push(`${what()}: ${JSON.stringify(end)} after ${JSON.stringify(console)}`);
  }

  #classify(end: Ending['end'], console: string, early: boolean): string | undefined {
    const { end: honest, console: said } = this.#honest;
    if (end.kind === 'panic') return this.#reasons.has(end.name) ? end.name : undefined;
    if (end.kind === 'shutdown') return early ? SHUTDOWN : undefined;
    const same = JSON.stringify(end) === JSON.stringify(honest) && console === said;
    return same ? COMPLETED : undefined;
  }

  /** The counts in a line. */
  toString(): string {
    const seconds = (performance.now() - this.#started) / 1000;
    const each = [...this.counts].sort(([, a], [, b]) => b - a).map(([name, n]) => `${name} ${n}`);
    const rate = Math.round(this.runs / seconds);
    return `${this.runs} runs in ${seconds.toFixed(1)} s (${rate} a second): ${each.join(', ')}`;
  }
}
