import * as Uart from '../../../spec/uart.ts';
import type { PortDevice, PortSize } from './port-bus.ts';

/** Interrupt identification: none pending; both bits on while the FIFOs are. PC16550D §8.6.3. */
const IIR_NONE = 0x01;
const IIR_FIFO = 0xc0;
const MCR_LOOP = 0x10;
/** Modem status of a line that is up: CTS, DSR and DCD. PC16550D §8.7. */
const MSR_CONNECTED = 0xb0;

/**
 * The 16550 serial port. What is sent leaves at once, so the transmitter is always empty; nothing
 * is ever received but what loop-back mode returns. PC16550D §8.
 */
export class Uart16550 implements PortDevice {
  readonly name = '16550 serial port';
  readonly width = 1;
  readonly #send: (byte: number) => void;
  #state = powerOn();

  /** `send` takes each byte that the guest transmits. */
  constructor(send: (byte: number) => void) {
    this.#send = send;
  }

  reset(): void {
    this.#state = powerOn();
  }

  snapshot(): () => void {
    const state = { ...this.#state, received: [...this.#state.received] };
    return () => {
      this.#state = { ...state, received: [...state.received] };
    };
  }

  read(port: number, _size: PortSize): number {
    switch (port) {
      case Uart.RBR:
        return this.#latched ? this.#state.divisor & 0xff : (this.#state.received.shift() ?? 0);
      case Uart.IER:
        return this.#latched ? this.#state.divisor >> 8 : this.#state.interruptEnable;
      case Uart.IIR:
        return IIR_NONE | (this.#state.fifo ? IIR_FIFO : 0);
      case Uart.LCR:
        return this.#state.lineControl;
      case Uart.MCR:
        return this.#state.modemControl;
      case Uart.LSR: {
        const ready = this.#state.received.length > 0 ? Uart.LSR_DATA_READY : 0;
        return Uart.LSR_THR_EMPTY | Uart.LSR_TX_EMPTY | ready;
      }
      case Uart.MSR:
        return this.#modemStatus();
      default:
        return this.#state.scratch;
    }
  }

  write(port: number, _size: PortSize, value: number): void {
    switch (port) {
      case Uart.THR:
        if (this.#latched) this.#state.divisor = (this.#state.divisor & 0xff00) | value;
        else this.#transmit(value);
        break;
      case Uart.IER:
        if (this.#latched) this.#state.divisor = (this.#state.divisor & 0xff) | (value << 8);
        else this.#state.interruptEnable = value & 0x0f;
        break;
      case Uart.FCR:
        this.#state.fifo = (value & Uart.FCR_ENABLE) !== 0;
        if (value & Uart.FCR_CLEAR_RX) this.#state.received.length = 0;
        break;
      case Uart.LCR:
        this.#state.lineControl = value;
        break;
      case Uart.MCR:
        this.#state.modemControl = value & 0x1f;
        break;
      case Uart.SCR:
        this.#state.scratch = value;
        break;
    }
  }

  get #latched(): boolean {
    return (this.#state.lineControl & Uart.LCR_DLAB) !== 0;
  }

  #transmit(byte: number): void {
    if ((this.#state.modemControl & MCR_LOOP) === 0) this.#send(byte);
    else if (this.#state.received.length < (this.#state.fifo ? 16 : 1))
      this.#state.received.push(byte);
  }

  /** In loop-back mode the modem control outputs are the status inputs. PC16550D §8.6.7. */
  #modemStatus(): number {
    if ((this.#state.modemControl & MCR_LOOP) === 0) return MSR_CONNECTED;
    const control = this.#state.modemControl;
    const wire = (from: number, to: number) => (control & from ? to : 0);
    return wire(0x02, 0x10) | wire(0x01, 0x20) | wire(0x04, 0x40) | wire(0x08, 0x80);
  }
}

function powerOn() {
  return {
    received: [] as number[],
    divisor: 0x0c,
    interruptEnable: 0,
    fifo: false,
    lineControl: 0,
    modemControl: 0,
    scratch: 0,
  };
}
