import { EXIT_PANIC } from '../../../spec/abi/platform.ts';
import { panic, type Termination } from '../termination.ts';
import type { PortDevice, PortSize } from './port-bus.ts';

/**
 * The port by which a guest says how it ended; QEMU's isa-debug-exit takes the same writes. A write
 * below 256 is an exit code; EXIT_PANIC makes bits 15:8 and 7:0 a panic's set and reason. Of any
 * other value the low eight bits are the exit code, as a process's would be.
 */
export class DebugExit implements PortDevice {
  readonly name = 'debug-exit port';
  readonly width = 4;
  readonly #end: (termination: Termination) => void;

  constructor(end: (termination: Termination) => void) {
    this.#end = end;
  }

  read(_port: number, _size: PortSize): number {
    return 0;
  }

  write(_port: number, _size: PortSize, value: number): void {
    if (value >= EXIT_PANIC) this.#end(panic((value >>> 8) & 0xff, value & 0xff));
    else this.#end({ kind: 'exit', code: value & 0xff });
  }
}
