import { EXIT_LIMIT } from '../../tools/emulator/core.ts';
import type { Subject } from './subject.ts';

/** A place between two instructions of a run. */
export interface Boundary {
  /** Instructions executed by then. */
  readonly at: number;
  /** An event that was pending there has been brought: this is the first boundary of its handler. */
  readonly delivered: boolean;
  readonly rip: bigint;
  readonly rsp: bigint;
}

/**
 * Runs `subject` on, instruction by instruction, and shows each boundary to `visit`, until that answers
 * false or the guest has ended.
 */
export function follow(subject: Subject, visit: (boundary: Boundary) => boolean): void {
  const { hypervisor, core } = subject.machine;
  const { state, control } = core;
  let shown = -1;
  const show = (delivered: boolean) => {
    shown = core.instructions;
    return visit({ at: shown, delivered, rip: state.rip, rsp: state.rsp });
  };
  subject.deliver();
  if (!show(false)) return;
  while (hypervisor.ended === undefined) {
    const { rip } = state;
    subject.deliver();
    if (state.rip !== rip && !show(true)) return;
    let code = EXIT_LIMIT;
    for (let left = hypervisor.interrupts.ticksLeft; left > 0 && code === EXIT_LIMIT; left--) {
      code = core.run(1);
      if (code === EXIT_LIMIT && !show(false)) return;
    }
    if (code === EXIT_LIMIT) continue;
    hypervisor.answer({ code, info1: control.exitInfo1, info2: control.exitInfo2 });
    // An instruction that exited without being executed was shown already.
    if (shown !== core.instructions && !show(false)) return;
  }
}
