import type { Clock } from './clock.ts';

/** The APIC's timer, which counts the machine's clock down by a divider. APM2 §16.4.1. */
export class ApicTimer {
  readonly #clock: Clock;
  #divisor = 2;
  #initial = 0;
  /** When the count in hand began, in ticks; undefined while the timer is stopped. */
  #from: number | undefined;
  /** Starts again with the initial count when it has come to nothing. */
  periodic = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  reset(): void {
    this.#divisor = 2;
    this.#initial = 0;
    this.#from = undefined;
    this.periodic = false;
  }

  /** Copies the state; what comes back puts it there again. */
  snapshot(): () => void {
    const [divisor, initial, from, periodic] = [
      this.#divisor,
      this.#initial,
      this.#from,
      this.periodic,
    ];
    return () => {
      this.#divisor = divisor;
      this.#initial = initial;
      this.#from = from;
      this.periodic = periodic;
    };
  }

  /** Starts to count `initial` down; 0 stops the timer. */
  start(initial: number): void {
    this.#initial = initial;
    this.#from = initial === 0 ? undefined : this.#clock.now;
  }

  /** Takes the divide configuration: 0 to 3 and 8 to Bh are 2, 4, 8, 16, 32, 64, 128 and 1. */
  divide(configuration: number): void {
    const left = this.current;
    const power = ((configuration & 3) | ((configuration >> 1) & 4)) + 1;
    this.#divisor = 1 << (power & 7);
    if (this.#from !== undefined) {
      this.#from = this.#clock.now - (this.#initial - left) * this.#divisor;
    }
  }

  /** What is left of the count. */
  get current(): number {
    const { deadline } = this;
    if (deadline === undefined) return 0;
    return Math.max(0, Math.ceil((deadline - this.#clock.now) / this.#divisor));
  }

  /** The tick at which the count comes to nothing. */
  get deadline(): number | undefined {
    return this.#from === undefined ? undefined : this.#from + this.#initial * this.#divisor;
  }

  /** Whether the count has come to nothing since this was asked last. */
  expired(): boolean {
    const { deadline } = this;
    if (deadline === undefined || this.#clock.now < deadline) return false;
    if (!this.periodic) this.#from = undefined;
    else {
      // Periods that nobody looked at in time are lost: one bit of the IRR holds no more.
      const period = this.#initial * this.#divisor;
      this.#from = deadline + Math.floor((this.#clock.now - deadline) / period) * period;
    }
    return true;
  }
}
