import { createCipheriv, createHash } from 'node:crypto';

const BLOCK = 16;

/** A stream of random bytes that a seed fixes: the key stream of AES-256 in counter mode. */
export class Random {
  readonly #key: Uint8Array;
  /** Bytes given out. */
  #position = 0;

  /** Streams of one seed for different `use`s have nothing in common. */
  constructor(seed: bigint, use: string) {
    this.#key = createHash('sha256').update(`${use}:${seed}`).digest();
  }

  bytes(count: number): Uint8Array {
    const within = this.#position % BLOCK;
    const counter = new Uint8Array(BLOCK);
    new DataView(counter.buffer).setBigUint64(8, BigInt((this.#position - within) / BLOCK));
    const stream = createCipheriv('aes-256-ctr', this.#key, counter);
    const bytes = new Uint8Array(stream.update(new Uint8Array(within + count)));
    this.#position += count;
    return bytes.slice(within);
  }

  /** Notes where the stream is; what comes back goes back to there. */
  snapshot(): () => void {
    const position = this.#position;
    return () => {
      this.#position = position;
    };
  }
}
