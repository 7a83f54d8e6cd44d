import * as Termination from '../../spec/abi/termination.ts';
import { HonestHypervisor } from './hypervisor.ts';
import { BareMachine, type End, type Options } from './machine.ts';

const reasons = { ...Termination };

/** How the guest ends for a reason of spec/abi/termination.ts. */
export function panicked(name: keyof typeof Termination): End {
  return { kind: 'panic', reason: reasons[name] };
}

/** A host that is honest but for what `lies` overrides. */
export function liar(lies: Partial<HonestHypervisor>): HonestHypervisor {
  return Object.assign(new HonestHypervisor(), lies);
}

/** Boots the kernel on a bare machine; how it ended, and the machine. */
export function boot(module: WebAssembly.Module, options: Options) {
  const machine = new BareMachine(module, options);
  return { machine, end: machine.run() };
}
