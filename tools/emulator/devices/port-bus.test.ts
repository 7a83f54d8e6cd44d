import { describe, expect, it } from 'vitest';
import type { Termination } from '../termination.ts';
import { ResetControl } from './absent.ts';
import { DebugExit } from './debug-exit.ts';
import { PortBus } from './port-bus.ts';
import { Uart16550 } from './uart.ts';

describe('the port bus', () => {
  it('reads all ones and loses writes where there is no device', () => {
    const bus = new PortBus();
    bus.write(0x80, 1, 0x55);
    expect([bus.read(0x80, 1), bus.read(0x80, 2), bus.read(0x80, 4)]).toEqual([
      0xff, 0xffff, 0xffff_ffff,
    ]);
  });

  it('splits accesses that are wider than the device', () => {
    const bus = new PortBus();
    const seen: number[] = [];
    bus.add(0x3f8, 8, new Uart16550((byte) => seen.push(byte)));
    bus.write(0x3ff, 1, 0x5a);
    bus.write(0x3f8, 2, 0x0141);
    expect(seen).toEqual([0x41]);
    expect(bus.read(0x3fe, 2)).toBe(0x5ab0);
    expect(bus.read(0x3ff, 2)).toBe(0xff5a);
  });

  it('refuses devices at the same port', () => {
    const bus = new PortBus();
    bus.add(0x3f8, 8, new Uart16550(() => {}));
    expect(() => bus.add(0x3fc, 1, new ResetControl(() => {}))).toThrow(RangeError);
  });
});

describe('the serial port', () => {
  function uart() {
    const sent: number[] = [];
    return { port: new Uart16550((byte) => sent.push(byte)), sent };
  }

  it('sends bytes, and sets the divisor in place of that while LCR has DLAB', () => {
    const { port, sent } = uart();
    port.write(3, 1, 0x83);
    port.write(0, 1, 0x01);
    port.write(1, 1, 0x00);
    expect(port.read(0, 1)).toBe(0x01);
    port.write(3, 1, 0x03);
    port.write(0, 1, 0x48);
    expect(sent).toEqual([0x48]);
  });

  it('has always room to send and nothing to read', () => {
    const { port } = uart();
    expect(port.read(5, 1)).toBe(0x60);
    expect(port.read(2, 1)).toBe(0x01);
    port.write(2, 1, 0x07);
    expect(port.read(2, 1)).toBe(0xc1);
  });

  it('returns in loop-back mode what it was given', () => {
    const { port, sent } = uart();
    port.write(4, 1, 0x1e);
    port.write(0, 1, 0xae);
    expect(port.read(5, 1) & 1).toBe(1);
    expect(port.read(0, 1)).toBe(0xae);
    expect(port.read(5, 1) & 1).toBe(0);
    expect(port.read(6, 1)).toBe(0xd0);
    expect(sent).toEqual([]);
  });
});

describe('the debug-exit port', () => {
  const ended = (value: number) => {
    const ends: Termination[] = [];
    new DebugExit((termination) => ends.push(termination)).write(0, 4, value);
    return ends;
  };

  it('takes a value below 256 as exit code', () => {
    expect(ended(33)).toEqual([{ kind: 'exit', code: 33 }]);
  });

  it('takes a value with bit 31 as a panic and names its reason', () => {
    expect(ended(0x8000_0714)).toEqual([
      { kind: 'panic', set: 7, reason: 0x14, name: 'PAGE_FAULT' },
    ]);
    expect(ended(0x8000_0001)).toMatchObject([{ set: 0, name: 'PROTOCOL_VERSION_UNSUPPORTED' }]);
    expect(ended(0x8000_0102)).toMatchObject([{ set: 1, reason: 2, name: 'UNKNOWN' }]);
  });
});
