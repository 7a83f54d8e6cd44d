import * as Reason from '../../spec/abi/termination.ts';

/** How a run ended. */
export type Termination =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'panic';
      readonly set: number;
      readonly reason: number;
      readonly name: string;
    }
  | { readonly kind: 'unimplemented'; readonly what: string }
  | { readonly kind: 'limit' }
  | { readonly kind: 'shutdown'; readonly cause: string };

/** A guest's request to be ended for `reason` of `set`. GHCB §4.1.12, spec/abi/termination.ts. */
export function panic(set: number, reason: number): Termination {
  return { kind: 'panic', set, reason, name: reasonName(set, reason) };
}

/** Exit code of `run` for each ending, as the commands' contract fixes them. */
export function exitCode(termination: Termination): number {
  switch (termination.kind) {
    case 'exit':
      return termination.code;
    case 'idle':
      return 0;
    case 'panic':
      return 3;
    case 'unimplemented':
      return 4;
    case 'limit':
      return 5;
    case 'shutdown':
      return 6;
  }
}

/** The ending in a line, or nothing where the guest ended as it wished. */
export function describe(termination: Termination): string | undefined {
  switch (termination.kind) {
    case 'exit':
    case 'idle':
      return undefined;
    case 'panic': {
      const { set, reason, name } = termination;
      return `panic: set ${set} reason 0x${reason.toString(16)} ${name}`;
    }
    case 'unimplemented':
      return `unimplemented: ${termination.what}`;
    case 'limit':
      return 'limit: the guest was still running after --max-instructions';
    case 'shutdown':
      return `shutdown: ${termination.cause}`;
  }
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Reason).map(([name, number]) => [number, name]),
);

/** The reason's name, where the specification or we gave it one. Other sets are other vendors'. */
function reasonName(set: number, reason: number): string {
  return NAMES.get((set << 8) | reason) ?? 'UNKNOWN';
}
