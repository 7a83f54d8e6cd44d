import type { Subject } from './subject.ts';
import { type Boundary, follow } from './trace.ts';

/** What a TrapFrame has above the error code: RIP, CS, RFLAGS, RSP, SS. APM2 §8.9.3. */
const IRET_FRAME = 40n;
/** Boundaries after a request's return that still count as its transaction: its outputs are read there. */
const OUTPUTS = 64;

/** Where to inject. */
export interface Plan {
  /** In the order of the run, each once. */
  readonly boundaries: readonly Boundary[];
  /** Different addresses that were executed. */
  readonly addresses: number;
  /** How many of the boundaries are in the list for being within a handler or a GHCB transaction. */
  readonly within: number;
}

/** The boundaries at which each address is executed for the first, the second and the last time. */
class Executions {
  readonly #byAddress = new Map<
    bigint,
    { readonly first: Boundary; second: Boundary | undefined; last: Boundary | undefined }
  >();

  get addresses(): number {
    return this.#byAddress.size;
  }

  add(boundary: Boundary): void {
    const seen = this.#byAddress.get(boundary.rip);
    if (!seen)
      this.#byAddress.set(boundary.rip, { first: boundary, second: undefined, last: undefined });
    else if (!seen.second) seen.second = boundary;
    else seen.last = boundary;
  }

  boundaries(): Boundary[] {
    const all = [...this.#byAddress.values()];
    return all.flatMap(({ first, second, last }) =>
      [first, second, last].filter((boundary) => boundary !== undefined),
    );
  }
}

/**
 * Runs `subject` on until `done`, and lists the boundaries at which each address is executed for the first,
 * second and last time, and all that lie within handlers and GHCB transactions.
 */
export function plan(subject: Subject, done: () => boolean): Plan {
  const executions = new Executions();
  const inside = insideOf(subject);
  const within = new Set<Boundary>();
  follow(subject, (boundary) => {
    executions.add(boundary);
    if (inside(boundary)) within.add(boundary);
    return !done();
  });
  const all = new Set([...within, ...executions.boundaries()]);
  return {
    boundaries: [...all].sort(inOrder),
    addresses: executions.addresses,
    within: within.size,
  };
}

/**
 * Runs `subject` to its end, and lists the boundaries at which each address is executed for the first, second
 * and last time.
 */
export function executionsToEnd(subject: Subject): Boundary[] {
  const executions = new Executions();
  follow(subject, (boundary) => {
    executions.add(boundary);
    return true;
  });
  return executions.boundaries().sort(inOrder);
}

/** Lists all boundaries of a run of `subject` until `done`. */
export function everyBoundary(subject: Subject, done: (boundary: Boundary) => boolean): Boundary[] {
  const all: Boundary[] = [];
  follow(subject, (boundary) => {
    if (done(boundary)) return false;
    all.push(boundary);
    return true;
  });
  return all;
}

/** Tells of the boundaries of a run, one after the other, whether the handler that began at the first has ended. */
export function handlerEnd(): (boundary: Boundary) => boolean {
  let top: bigint | undefined;
  return ({ rsp }) => {
    top ??= rsp + IRET_FRAME;
    return rsp >= top;
  };
}

function inOrder(a: Boundary, b: Boundary): number {
  return a.at - b.at || Number(a.delivered) - Number(b.delivered);
}

/** Tells of the boundaries of a run, one after the other, which lie within a handler or a GHCB transaction. */
function insideOf(subject: Subject): (boundary: Boundary) => boolean {
  const stubs = { from: subject.symbol('boot!vector.0'), to: subject.symbol('boot!trap') };
  const begin = subject.symbol('kernel!kernel/sev/ghcb/begin');
  const send = subject.symbol('kernel!kernel/sev/ghcb/send');
  const ask = subject.symbol('kernel!kernel/sev/msr/ask');
  /** RSP above which the handler, the sending function, the MSR request is over. */
  let handler: ((boundary: Boundary) => boolean) | undefined;
  let sent: bigint | undefined;
  let asked: bigint | undefined;
  let composing = false;
  let outputs = 0;
  return (boundary) => {
    const { rip, rsp } = boundary;
    if (!handler && rip >= stubs.from && rip <= stubs.to) handler = handlerEnd();
    if (handler?.(boundary)) handler = undefined;
    if (rip === begin) composing = true;
    if (rip === send) sent = rsp;
    if (rip === ask) asked = rsp;
    if (asked !== undefined && rsp > asked) asked = undefined;
    if (sent !== undefined && rsp > sent) {
      sent = undefined;
      composing = false;
      outputs = OUTPUTS;
    }
    if (outputs > 0) outputs--;
    return handler !== undefined || composing || asked !== undefined || outputs > 0;
  };
}
