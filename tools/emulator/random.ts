import { createCipheriv, createHash } from 'node:crypto';

/** A stream of random bytes that a seed fixes: the key stream of AES-256 in counter mode. */
export class Random {
  readonly #stream: ReturnType<typeof createCipheriv>;

  /** Streams of one seed for different `use`s have nothing in common. */
  constructor(seed: bigint, use: string) {
    const key = createHash('sha256').update(`${use}:${seed}`).digest();
    this.#stream = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  }

  bytes(count: number): Uint8Array {
    return new Uint8Array(this.#stream.update(new Uint8Array(count)));
  }
}
