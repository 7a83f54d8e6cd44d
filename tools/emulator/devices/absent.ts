import type { PortDevice, PortSize } from './port-bus.ts';

interface Range {
  readonly first: number;
  readonly last: number;
  readonly name: string;
}

/**
 * Parts of a PC that guests probe for and that this machine does not have: reads give all ones,
 * writes are lost. Named so that a trace says what the guest was after.
 */
// biome-ignore format: a part a line
const ABSENT: readonly Range[] = [
  { first: 0x020, last: 0x021, name: '8259 interrupt controller' },
  { first: 0x040, last: 0x043, name: '8254 timer' },
  { first: 0x060, last: 0x060, name: 'i8042 keyboard controller' },
  { first: 0x061, last: 0x061, name: 'system control port B' },
  { first: 0x064, last: 0x064, name: 'i8042 keyboard controller' },
  { first: 0x070, last: 0x071, name: 'real-time clock' },
  { first: 0x080, last: 0x080, name: 'power-on self-test port' },
  { first: 0x092, last: 0x092, name: 'system control port A' },
  { first: 0x0a0, last: 0x0a1, name: 'second 8259 interrupt controller' },
  { first: 0x2e8, last: 0x2ef, name: 'fourth serial port' },
  { first: 0x2f8, last: 0x2ff, name: 'second serial port' },
  { first: 0x3e8, last: 0x3ef, name: 'third serial port' },
  { first: 0x402, last: 0x402, name: 'Bochs debug console' },
  { first: 0x510, last: 0x51b, name: 'QEMU firmware configuration' },
  { first: 0xcf8, last: 0xcf8, name: 'PCI configuration address' },
  { first: 0xcfc, last: 0xcff, name: 'PCI configuration data' },
];

/** What a PC has at `port` and this machine lacks, for a trace. */
export function absentPart(port: number): string {
  const part = ABSENT.find((range) => range.first <= port && port <= range.last);
  return part?.name ?? 'device that a PC would have';
}

const RESET = 0x04;

/** The reset control register at 0xCF9. PC. */
export class ResetControl implements PortDevice {
  readonly name = 'reset control';
  readonly width = 1;
  readonly #reset: () => void;
  #value = 0;

  /** `reset` is called when the guest asks for a reset. */
  constructor(reset: () => void) {
    this.#reset = reset;
  }

  reset(): void {
    this.#value = 0;
  }

  snapshot(): () => void {
    const value = this.#value;
    return () => {
      this.#value = value;
    };
  }

  read(_port: number, _size: PortSize): number {
    return this.#value;
  }

  write(_port: number, _size: PortSize, value: number): void {
    this.#value = value & 0x0a;
    if (value & RESET) this.#reset();
  }
}
