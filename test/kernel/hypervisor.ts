import * as Exit from '../../spec/exit.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as Request from '../../spec/ghcb-msr.ts';
import * as HvFeatures from '../../spec/hv-features.ts';
import * as Ioio from '../../spec/ioio.ts';
import { type View, view } from '../../spec/layout.ts';
import { Ghcb } from '../../spec/layouts/ghcb.ts';
import * as Psc from '../../spec/psc.ts';
import type { BareMachine } from './machine.ts';
import { BarePsp } from './psp.ts';

/** A request through the GHCB page, as the host sees it. Fields are the live page's. */
export interface Call {
  readonly ghcb: View<typeof Ghcb>;
  readonly code: number;
  readonly info1: bigint;
  readonly info2: bigint;
  readonly buffer: Uint8Array;
}

/**
 * An honest host, just as much of one as the kernel's boot needs. A test that wants a liar
 * overrides a method. It is not the emulator's: the two were written apart.
 */
export class HonestHypervisor {
  /** GHCBs that the guest registered. */
  readonly registered: bigint[] = [];
  readonly psp = new BarePsp();

  /** Answers the GHCB MSR protocol's request. */
  msr(request: bigint, machine: BareMachine): bigint {
    const info = Number(request & 0xfffn);
    switch (info) {
      case Request.SEV_INFO_REQUEST:
        return this.sevInfo(machine);
      case Request.HV_FEATURES_REQUEST:
        return (this.features() << 12n) | BigInt(Request.HV_FEATURES_RESPONSE);
      case Request.PREFERRED_GHCB_REQUEST:
        return 0xffff_ffff_ffff_f000n | BigInt(Request.PREFERRED_GHCB_RESPONSE);
      case Request.REGISTER_GHCB_REQUEST:
        this.registered.push(request & ~0xfffn);
        return (request & ~0xfffn) | BigInt(Request.REGISTER_GHCB_RESPONSE);
      case Request.PAGE_STATE_CHANGE_REQUEST:
        machine.assign((request >> 12n) & 0xff_ffff_ffffn, Number((request >> 52n) & 15n));
        return BigInt(Request.PAGE_STATE_CHANGE_RESPONSE);
      case Request.CPUID_REQUEST:
        return this.cpuid(request, machine) | BigInt(Request.CPUID_RESPONSE);
      default:
        throw new RangeError(`GHCB MSR request ${info.toString(16)}h is not expected here`);
    }
  }

  /** The register that the request names, and its number. */
  cpuid(request: bigint, machine: BareMachine): bigint {
    const register = machine.cpuid(Number(request >> 32n))[Number((request >> 30n) & 3n)] ?? 0;
    return (BigInt(register >>> 0) << 32n) | (request & 0xc000_0000n);
  }

  sevInfo(machine: BareMachine): bigint {
    return (2n << 48n) | (1n << 32n) | (BigInt(machine.cBit) << 24n) | 1n;
  }

  features(): bigint {
    return BigInt(HvFeatures.SNP) | BigInt(HvFeatures.AP_CREATION);
  }

  /** Answers a request through the page at `gpa`. */
  page(gpa: bigint, machine: BareMachine): void {
    const page = machine.memory.page(gpa);
    const ghcb = view(Ghcb, page);
    const call: Call = {
      ghcb,
      code: Number(ghcb.swExitCode),
      info1: ghcb.swExitInfo1,
      info2: ghcb.swExitInfo2,
      buffer: ghcb.sharedBuffer,
    };
    machine.calls.push({ code: call.code, info1: call.info1, usage: ghcb.usage });
    ghcb.validLow = 0n;
    ghcb.validHigh = 0n;
    this.answer(ghcb, 0n, 0n);
    this.serve(call, machine);
  }

  /** Marks the two results valid and stores them. */
  answer(ghcb: View<typeof Ghcb>, info1: bigint, info2: bigint): void {
    ghcb.swExitInfo1 = info1;
    ghcb.swExitInfo2 = info2;
    ghcb.validHigh |= (1n << (115n - 64n)) | (1n << (116n - 64n));
  }

  serve(call: Call, machine: BareMachine): void {
    if (call.code === Exit.IOIO) this.port(call, machine);
    else if (call.code === Event.PAGE_STATE_CHANGE) this.changePages(call, machine);
    else if (call.code === Event.GUEST_REQUEST || call.code === Event.EXTENDED_GUEST_REQUEST) {
      this.guestRequest(call, machine);
    } else throw new RangeError(`GHCB event ${call.code.toString(16)}h is not expected here`);
  }

  port({ ghcb, info1, info2, buffer }: Call, machine: BareMachine): void {
    const info = Number(info1);
    const port = info >>> Ioio.PORT_SHIFT;
    if (info & Ioio.STRING) {
      for (const byte of buffer.subarray(0, Number(info2))) machine.out(port, byte);
    } else if (info & Ioio.IN) {
      ghcb.rax = BigInt(machine.in(port));
      ghcb.validLow |= 1n << 63n;
    } else {
      machine.out(port, Number(ghcb.rax));
    }
  }

  /** Passes a message on to the AMD-SP. */
  guestRequest(call: Call, machine: BareMachine): void {
    const status = this.psp.answer(
      machine.memory.page(call.info1),
      machine.memory.page(call.info2),
    );
    this.answer(call.ghcb, 0n, BigInt(status));
  }

  /** Goes through the batch to its end. */
  changePages({ buffer }: Call, machine: BareMachine): void {
    const header = new DataView(buffer.buffer, buffer.byteOffset);
    const end = header.getUint16(2, true);
    for (let i = header.getUint16(0, true); i <= end; i++) {
      const entry = header.getBigUint64(8 + i * 8, true);
      const frames = (entry >> 56n) & 1n ? 512n : 1n;
      const first = (entry >> 12n) & 0xff_ffff_ffffn;
      const operation = Number((entry >> 52n) & 15n);
      if (operation !== Psc.PRIVATE && operation !== Psc.SHARED) throw new RangeError('operation');
      for (let frame = first; frame < first + frames; frame++) machine.assign(frame, operation);
      header.setUint16(0, i + 1, true);
    }
  }
}
