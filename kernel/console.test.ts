import { beforeAll, describe, expect, it } from 'vitest';
import * as Uart from '../spec/uart.ts';
import { BareMachine } from '../test/kernel/machine.ts';
import { kernelModule } from '../test/kernel/module.ts';

describe('the console', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** Boots with a port whose line status is `status(n)` at the n-th look. */
  const bootWith = (status: (n: number) => number) => {
    const machine = new BareMachine(module, { mode: 'none' });
    let looks = 0;
    machine.in = () => status(looks++);
    return { end: machine.run(), console: machine.console, looks };
  };

  it('waits until the port has taken the last byte', () => {
    const { console, looks } = bootWith((n) => (n % 100 === 99 ? Uart.LSR_THR_EMPTY : 0));
    expect(console).toBe('Tacit, mode none\n');
    expect(looks).toBe(100 * console.length);
  });

  it('gives up waiting for a port that never empties, once', () => {
    const { console, end, looks } = bootWith(() => 0);
    expect(console).toBe('Tacit, mode none\n');
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(looks).toBe(1_000_000);
  });

  it('does not wait where there is no port: it reads as all ones', () => {
    expect(bootWith(() => 0xff).looks).toBe('Tacit, mode none\n'.length);
  });
});
