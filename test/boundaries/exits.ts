import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import { INFO_MASK } from '../../spec/ghcb-msr.ts';
import type { ExitAnswer } from '../../tools/emulator/hypervisor/answers.ts';
import type { Machine } from '../../tools/emulator/machine.ts';
import type { Subject } from './subject.ts';

const CODE = Ghcb.VALID_SW_EXITCODE * 8;
const INFO = BigInt(INFO_MASK);

/** A VMGEXIT of the honest run. */
export interface GuestExit {
  /** Instructions executed before it: the next is VMGEXIT. */
  readonly at: number;
  /** What the GHCB MSR held: a request of the MSR protocol, or the page's address. */
  readonly msr: bigint;
  /** SW_EXITCODE, where it was a request by the page. */
  readonly event: number | undefined;
}

/** What a host does around its honest answer to a VMGEXIT. */
export interface Meddling {
  before?: (() => void) | undefined;
  after?: (() => void) | undefined;
}

/** Lets a test do something before and after each answer to a VMGEXIT: what is in `meddling` at the time. */
export function meddleWithExits({ hypervisor }: Machine, meddling: Meddling): void {
  const { exits } = hypervisor.answers;
  const honest = exits.get(Exit.VMGEXIT) as ExitAnswer;
  exits.set(Exit.VMGEXIT, (host, exit) => {
    meddling.before?.();
    honest(host, exit);
    meddling.after?.();
  });
}

/** SW_EXITCODE of the request that the guest makes by its GHCB page; undefined: it is one by the MSR. */
export function eventOf({ core, memory }: Machine): number | undefined {
  const { ghcb: msr } = core.state;
  if ((msr & INFO) !== 0n) return undefined;
  const code = memory.readGuest(msr + BigInt(CODE), 4);
  return code && new DataView(code.buffer, code.byteOffset).getUint32(0, true);
}

/** Runs `subject` to its end and lists its VMGEXITs. */
export function listExits(subject: Subject, meddling: Meddling): GuestExit[] {
  const { core } = subject.machine;
  const list: GuestExit[] = [];
  meddling.before = () => {
    const event = eventOf(subject.machine);
    list.push({ at: core.instructions - 1, msr: core.state.ghcb, event });
  };
  subject.finish();
  meddling.before = undefined;
  return list;
}

/** The guest's GHCB page, once it has used one. */
export function ghcbOf(exits: readonly GuestExit[]): bigint {
  const page = exits.find(({ event }) => event !== undefined)?.msr;
  if (page === undefined) throw new RangeError('the guest has used no GHCB page');
  return page;
}
