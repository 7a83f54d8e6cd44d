import type { Statistics } from '../statistics.ts';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What the guest sends over its serial port: passed on, kept as lines, counted. */
export class Console {
  readonly lines: string[] = [];
  readonly #send: (byte: number) => void;
  readonly #instructions: () => number;
  readonly #statistics: Statistics;
  #line: number[] = [];

  constructor(
    send: (byte: number) => void,
    counts: { instructions: () => number; statistics: Statistics },
  ) {
    this.#send = send;
    this.#instructions = counts.instructions;
    this.#statistics = counts.statistics;
  }

  /** Copies what was said so far; what comes back forgets what was said since. */
  snapshot(): () => void {
    const line = [...this.#line];
    const lines = [...this.lines];
    return () => {
      this.#line = [...line];
      this.lines.splice(0, this.lines.length, ...lines);
    };
  }

  put(byte: number): void {
    this.#send(byte);
    if (byte !== NEWLINE) {
      this.#line.push(byte);
      return;
    }
    if (this.#line.at(-1) === CARRIAGE_RETURN) this.#line.pop();
    this.lines.push(new TextDecoder().decode(Uint8Array.from(this.#line)));
    this.#line = [];
    const { vmgexits } = this.#statistics;
    this.#statistics.lines.push({ instructions: this.#instructions(), vmgexits });
  }
}
