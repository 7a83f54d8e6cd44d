import type { BareMachine } from './machine.ts';

const BASE = 0x4_0000_0000n;

/** The program's side: its memory, and the functions that the linker bound its imports to. */
export class Program {
  readonly machine: BareMachine;

  constructor(machine: BareMachine) {
    this.machine = machine;
  }

  /** Calls a function of WASI. */
  call(name: string, ...args: (number | bigint)[]): number {
    return this.import(`wasi_${name}`, ...args);
  }

  /** Calls a function by the kernel's name for it. */
  import(name: string, ...args: (number | bigint)[]): number {
    const f = this.machine.kernel[name];
    if (!f) throw new RangeError(`no ${name}`);
    return Number(f(1, ...args));
  }

  bytes(at: number, n: number): Uint8Array {
    return Uint8Array.from({ length: n }, (_, i) => {
      const { bytes, offset } = this.machine.access(BASE + BigInt(at + i), false);
      return bytes[offset] ?? 0;
    });
  }

  word(at: number): number {
    return new DataView(this.bytes(at, 4).buffer).getUint32(0, true);
  }

  long(at: number): bigint {
    return new DataView(this.bytes(at, 8).buffer).getBigUint64(0, true);
  }

  store(at: number, data: Uint8Array): void {
    for (const [i, byte] of data.entries()) {
      const { bytes, offset } = this.machine.access(BASE + BigInt(at + i), true);
      bytes[offset] = byte;
    }
  }

  storeWords(at: number, ...words: number[]): void {
    this.store(at, new Uint8Array(Uint32Array.from(words).buffer));
  }
}
