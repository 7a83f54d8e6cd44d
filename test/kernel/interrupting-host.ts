import { HOST_HV } from '../../spec/abi/platform.ts';
import * as Apic from '../../spec/apic.ts';
import * as Exit from '../../spec/exit.ts';
import * as Event from '../../spec/ghcb-event.ts';
import * as HvFeatures from '../../spec/hv-features.ts';
import type { HonestHypervisor } from './hypervisor.ts';
import { BareMachine, type Options } from './machine.ts';
import { liar } from './run.ts';
import { give } from './vc-site.ts';

/** A host with a doorbell page and an x2APIC, whose writes it keeps. */
export class InterruptingHost {
  /** Registers that read as something else than what was written. */
  readonly stuck = new Map<number, bigint>();
  readonly written: [register: number, value: bigint][] = [];
  readonly hypervisor: HonestHypervisor;
  doorbell = 0n;

  constructor(lies: Partial<HonestHypervisor> = {}) {
    const honest = liar({});
    this.hypervisor = liar({
      features: () => honest.features() | BigInt(HvFeatures.RESTRICTED_INJECTION),
      serve: (call, machine) => {
        if (call.code === Event.HV_DOORBELL_PAGE) {
          if (call.info1 === 1n) this.doorbell = call.info2;
          this.hypervisor.answer(call.ghcb, 0n, this.doorbell);
        } else if (call.code === Exit.MSR) {
          const register = (Number(call.ghcb.rcx) - 0x800) << 4;
          if (call.info1 === 1n) this.written.push([register, call.ghcb.rax]);
          else give(call, { rax: this.read(register), rdx: 0n });
        } else honest.serve.call(this.hypervisor, call, machine);
      },
      ...lies,
    });
  }

  /** What a register reads as: what was written last. */
  read(register: number): bigint {
    const last = this.written.findLast(([written]) => written === register);
    return this.stuck.get(register) ?? last?.[1] ?? 0n;
  }

  /** Ends of interrupts so far. */
  get ends(): number {
    return this.written.filter(([register]) => register === Apic.END_OF_INTERRUPT).length;
  }

  /** Stores what is pending, and whether that needs an end of interrupt. */
  ring(machine: BareMachine, word: number, noEoi = 0): void {
    this.page(machine).set([word & 0xff, word >> 8, noEoi]);
  }

  word(machine: BareMachine): number {
    const page = this.page(machine);
    return (page[0] ?? 0) | ((page[1] ?? 0) << 8);
  }

  page(machine: BareMachine): Uint8Array {
    return machine.memory.page(this.doorbell);
  }
}

/** How a kernel ends that boots in `module` on a host with restricted injection and does `program`. */
export function restrictedBoot(
  module: WebAssembly.Module,
  host: InterruptingHost,
  program: (machine: BareMachine) => void,
  options: Partial<Options> = {},
) {
  const feature = 0x20n;
  const machine = new BareMachine(module, {
    mode: 'snp',
    hypervisor: host.hypervisor,
    program,
    prepare: (made) => {
      made.sevStatus |= feature;
      made.record.sevStatus |= feature;
      Object.assign(made.info, {
        host: HOST_HV,
        featuresAllowed: feature,
        featuresRequired: feature,
      });
    },
    ...options,
  });
  return { machine, end: machine.run() };
}
