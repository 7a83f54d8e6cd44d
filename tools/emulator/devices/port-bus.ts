/** Bytes that one port access moves. */
export type PortSize = 1 | 2 | 4;

/** A device as the port bus sees it; ports are counted from its first. */
export interface PortDevice {
  readonly name: string;
  /** Widest access it takes; the bus splits wider ones into accesses to consecutive ports. */
  readonly width: PortSize;
  read(port: number, size: PortSize): number;
  write(port: number, size: PortSize, value: number): void;
  /** Goes back to how the device was when the machine was made. */
  reset?(): void;
  /** Copies the state; what comes back puts it there again. */
  snapshot?(): () => void;
}

interface Mapping {
  readonly first: number;
  readonly last: number;
  readonly device: PortDevice;
}

/** Devices by port. Where there is none, reads give all ones and writes are lost, as on a PC. */
export class PortBus {
  readonly #mappings: Mapping[] = [];
  readonly #missed: ((port: number) => void) | undefined;

  /** `missed` is told of each access to a port without a device. */
  constructor(missed?: (port: number) => void) {
    this.#missed = missed;
  }

  /** Puts `device` at `count` ports from `first` on. */
  add(first: number, count: number, device: PortDevice): void {
    const last = first + count - 1;
    const other = this.#mappings.find((m) => m.first <= last && first <= m.last);
    if (other) throw new RangeError(`ports of ${device.name} and ${other.device.name} overlap`);
    this.#mappings.push({ first, last, device });
  }

  /** Puts `device` before whatever is at `port`, which is what it gets to ask. */
  cover(port: number, make: (covered: PortBus) => PortDevice): void {
    const covered = new PortBus(this.#missed);
    covered.#mappings.push(...this.#mappings);
    this.#mappings.unshift({ first: port, last: port, device: make(covered) });
  }

  /** Resets all devices. */
  reset(): void {
    for (const { device } of this.#mappings) device.reset?.();
  }

  /** Copies the state of all devices; what comes back puts it there again. */
  snapshot(): () => void {
    const restores = this.#mappings.map(({ device }) => device.snapshot?.());
    return () => {
      for (const restore of restores) restore?.();
    };
  }

  read(port: number, size: PortSize): number {
    const mapping = this.#mapping(port);
    if (!mapping) {
      this.#missed?.(port);
      return ones(size);
    }
    const { device, first } = mapping;
    if (size <= device.width) return (device.read(port - first, size) & ones(size)) >>> 0;
    const part = device.width;
    let value = 0;
    for (let at = 0; at < size; at += part) {
      value += this.read((port + at) & 0xffff, part) * 2 ** (8 * at);
    }
    return value;
  }

  write(port: number, size: PortSize, value: number): void {
    const mapping = this.#mapping(port);
    if (!mapping) {
      this.#missed?.(port);
      return;
    }
    const { device, first } = mapping;
    if (size <= device.width) {
      device.write(port - first, size, (value & ones(size)) >>> 0);
      return;
    }
    const part = device.width;
    for (let at = 0; at < size; at += part) {
      this.write((port + at) & 0xffff, part, (value >>> (8 * at)) & ones(part));
    }
  }

  #mapping(port: number): Mapping | undefined {
    return this.#mappings.find((m) => m.first <= port && port <= m.last);
  }
}

function ones(size: PortSize): number {
  return 0xffff_ffff >>> (32 - 8 * size);
}
