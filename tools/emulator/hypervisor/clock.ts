import type { Core } from '../core.ts';

/**
 * The machine's time: instructions executed, and the time that passed while the guest was halted,
 * which it does not spend but skips.
 */
export class Clock {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Ticks since the machine was made. */
  get now(): number {
    return Number(this.#core.state.instructions + this.#core.control.timeSkipped);
  }

  /** Lets time pass up to `tick` with nothing executed. */
  skipTo(tick: number): void {
    const ticks = tick - this.now;
    if (ticks > 0) this.#core.control.timeSkipped += BigInt(ticks);
  }
}
