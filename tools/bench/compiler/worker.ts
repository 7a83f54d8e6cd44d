import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

/** What one call of `run` gave. */
export interface Call {
  readonly checksum: number;
  /** Processor time, or wall time where Linux does not tell that. */
  readonly milliseconds: number;
}

/** How a call is asked for and answered over pipes. */
export interface Protocol {
  encode(n: number): Uint8Array | string;
  /** The checksum, once the answer is whole. */
  decode(answer: Buffer): number | undefined;
}

/** Four bytes each way, little-endian. */
export const BINARY: Protocol = {
  encode(n) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(n);
    return bytes;
  },
  decode: (answer) => (answer.length >= 4 ? answer.readInt32LE() : undefined),
};

/** Lines as executables of ours take them with `--batch`; see docs/executables.md. */
export const BATCH: Protocol = {
  encode: (n) => `run i32:${n.toString(16).padStart(8, '0')}\n`,
  decode(answer) {
    const line = answer.toString('latin1');
    if (!line.endsWith('\n')) return undefined;
    const result = /^i32:([0-9a-f]{8})$/.exec(line.trimEnd())?.[1];
    if (result === undefined) throw new Error(`run: ${line.trimEnd()}`);
    return Number.parseInt(result, 16) | 0;
  },
};

/** A process that holds a module and calls its `run` on request, one call at a time. */
export class Worker {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #protocol: Protocol;
  readonly #command: string;
  #answer = Buffer.alloc(0);
  #waiting: { resolve(checksum: number): void; reject(error: Error): void } | undefined;
  #ended: Error | undefined;

  constructor(command: string, args: readonly string[], protocol: Protocol) {
    this.#protocol = protocol;
    this.#command = [command, ...args].join(' ');
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('exit', (code, signal) => {
      this.#end(new Error(`${this.#command}: ended with ${signal ?? code}`));
    });
    // The process may end before it has read what it is sent; its exit tells.
    this.#child.stdin.on('error', () => {});
  }

  /** Calls `run(n)`. */
  async call(n: number): Promise<Call> {
    const before = this.#time();
    const checksum = await new Promise<number>((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      this.#waiting = { resolve, reject };
      this.#answer = Buffer.alloc(0);
      this.#child.stdin.write(this.#protocol.encode(n));
    });
    this.#waiting = undefined;
    return { checksum, milliseconds: this.#time() - before };
  }

  close(): void {
    this.#waiting = undefined;
    this.#child.kill('SIGKILL');
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#waiting?.reject(error);
  }

  #take(chunk: Buffer): void {
    this.#answer = Buffer.concat([this.#answer, chunk]);
    try {
      const checksum = this.#protocol.decode(this.#answer);
      if (checksum !== undefined) this.#waiting?.resolve(checksum);
    } catch (error) {
      this.#waiting?.reject(error as Error);
    }
  }

  /** Milliseconds that the first thread has run: linux/Documentation/scheduler/sched-stats.rst. */
  #time(): number {
    try {
      const [run = ''] = readFileSync(`/proc/${this.#child.pid}/schedstat`, 'latin1').split(' ');
      return Number(run) / 1e6;
    } catch {
      return performance.now();
    }
  }
}
