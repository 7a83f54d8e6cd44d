import { InterceptSite } from '../../spec/abi/handoff.ts';
import type { TrapFrame } from '../../spec/abi/trap-frame.ts';
import type { View } from '../../spec/layout.ts';
import type { Call, HonestHypervisor } from './hypervisor.ts';
import { BareMachine, type Mode, PLACES } from './machine.ts';
import { TOP } from './memory.ts';
import { liar } from './run.ts';

export const VC = 29;
/** Where the instruction under test lies, and the table that names it. */
const SITE = PLACES.text + 0x40;
const INTERCEPTS = PLACES.text + 0x80;
/** Its address. */
export const AT = TOP + BigInt(SITE);

export interface Site {
  readonly mode: Mode;
  readonly instruction: readonly number[];
  /** Exit code that the linker noted. */
  readonly code: number;
  readonly hypervisor?: HonestHypervisor;
  /** Last touch on what linker, launch and shim left. */
  readonly prepare?: (machine: BareMachine) => void;
}

/** Boots a kernel up to where its program would run an instruction that can raise #VC, then does `then`. */
export function withSite(module: WebAssembly.Module, site: Site, then: (m: BareMachine) => void) {
  const { mode, instruction, code, hypervisor = liar({}) } = site;
  const prepare = (machine: BareMachine) => {
    Object.assign(machine.view(InterceptSite, INTERCEPTS), { place: SITE, exitCode: code });
    Object.assign(machine.info, { intercepts: TOP + BigInt(INTERCEPTS), interceptCount: 1 });
    machine.memory.page(BigInt(PLACES.text)).set(instruction, SITE % 4096);
    site.prepare?.(machine);
  };
  const machine = new BareMachine(module, { mode, hypervisor, prepare, program: then });
  return { machine, end: machine.run() };
}

/** Registers of a frame at the site. */
export function at(fields: Partial<View<typeof TrapFrame>>): Partial<View<typeof TrapFrame>> {
  return { rip: AT, ...fields };
}

/** A host that answers event `code` itself, and all else honestly. */
export function answering(code: number, answer: (call: Call) => void): HonestHypervisor {
  const hypervisor = liar({});
  const { serve } = hypervisor;
  hypervisor.serve = (call, machine) => {
    if (call.code === code) answer(call);
    else serve.call(hypervisor, call, machine);
  };
  return hypervisor;
}

/** Marks registers of an answer valid, with their values. */
export function give(
  { ghcb }: Call,
  registers: Partial<Record<'rax' | 'rbx' | 'rcx' | 'rdx', bigint>>,
): void {
  Object.assign(ghcb, registers);
  if (registers.rax !== undefined) ghcb.validLow |= 1n << 63n;
  if (registers.rcx !== undefined) ghcb.validHigh |= 1n << 33n;
  if (registers.rdx !== undefined) ghcb.validHigh |= 1n << 34n;
  if (registers.rbx !== undefined) ghcb.validHigh |= 1n << 35n;
}
