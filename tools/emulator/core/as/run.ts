/** VMRUN to #VMEXIT: events, the interpreter, faults, single steps. */
import * as Reg from '../../../../spec/cpu';
import * as Exit from '../../../../spec/exit';
import { FEATURES_SHIFT, RESTRICTED_INJECTION } from '../../../../spec/sev-status';
import { EXIT_LIMIT, LIFTED_VIRTUAL_INTERRUPT } from '../memory-map';
import { lookup, lookupShort } from './block';
import { BLOCK_MAX } from './code';
import * as Control from './control';
import * as Cpu from './cpu';
import { deliver, deliverPending, EXTERNAL, injectEvent } from './exception';
import { exitWith, intercepted, raise } from './fault';
import { interpret } from './interpreter';
import { EXIT, EXIT_AT_RIP, markAtRip, NONE, pending, STOP, setPending } from './machine';
import { flushTlbs } from './tlb';

const RESTRICTED: u64 = RESTRICTED_INJECTION >> FEATURES_SHIFT;
const V_IRQ: u64 = 0x100;
const V_IGNORE_TPR: u64 = 0x10_0000;

/** Runs for at most `most` instructions; the exit code. */
export function run(most: f64): u32 {
  const end = load<u64>(Cpu.INSTRUCTIONS) + <u64>most;
  flushForeign();
  store<u64>(Control.EXIT_INT_INFO, 0);
  setPending(NONE);
  injectEvent();
  let idle = false;
  while (pending === NONE) {
    const shadowed = (load<u64>(Control.INT_STATE) & 1) !== 0;
    if (!shadowed && takesInterrupt()) continue;
    const done = load<u64>(Cpu.INSTRUCTIONS);
    if (done >= end) {
      exitWith(EXIT_LIMIT, 0, 0);
      break;
    }
    step(done, end, shadowed);
    const still = load<u64>(Cpu.INSTRUCTIONS) === done;
    // A handler that faults at once, for ever, comes to the limit too: each such fault counts as one.
    if (still && idle) store<u64>(Cpu.INSTRUCTIONS, done + 1);
    idle = still;
  }
  noteContext();
  return load<u32>(Control.EXIT_CODE);
}

/** What translations and decoded code depend on, as it was at the end of the last run. */
const lastContext: usize = memory.data(64);

/** Forgets translations if the hypervisor has changed what they depend on, or switched guests, unless it keeps them. */
function flushForeign(): void {
  if (!noteContext() && load<u8>(Control.KEEPS_TRANSLATIONS) === 0) flushTlbs();
}

/** Notes the context; false if it is not what was noted before. */
function noteContext(): bool {
  const code = <u64>load<u16>(Cpu.CS_ATTRIBUTES) | ((<u64>load<u8>(Cpu.CPL)) << 16);
  const guest = <u64>load<u32>(Control.ASID) | ((<u64>load<u32>(Control.SEV)) << 32);
  const flags = load<u64>(Cpu.RFLAGS) & Reg.RFLAGS_AC;
  let same = note(0, load<u64>(Cpu.CR0));
  same = note(8, load<u64>(Cpu.CR3)) && same;
  same = note(16, load<u64>(Cpu.CR4)) && same;
  same = note(24, load<u64>(Cpu.EFER)) && same;
  same = note(32, code) && same;
  same = note(40, load<u64>(Cpu.CS_BASE)) && same;
  same = note(48, guest) && same;
  return note(56, flags | load<u8>(Control.C_BIT)) && same;
}

function note(at: usize, value: u64): bool {
  const same = load<u64>(lastContext + at) === value;
  store<u64>(lastContext + at, value);
  return same;
}

/** Executes from one instruction boundary to another. Leaves nothing pending but an exit. */
function step(done: u64, end: u64, shadowed: bool): void {
  const rip = load<u64>(Cpu.RIP);
  const traps = (load<u32>(Cpu.RFLAGS) & Reg.RFLAGS_TF) !== 0;
  let p: usize;
  let stop = end;
  if (shadowed || traps) {
    stop = done + 1;
    store<u64>(Control.INT_STATE, load<u64>(Control.INT_STATE) & ~(<u64>1));
    p = lookupShort(rip, 1);
  } else if (end - done < BLOCK_MAX) p = lookupShort(rip, <u32>(end - done));
  else p = lookup(rip);
  if (p === 0) markAtRip();
  else interpret(p, stop);
  if (pending === EXIT_AT_RIP || pending === EXIT) {
    // An exit that is like a fault finds the shadow as it was before the instruction.
    if (shadowed && load<u64>(Cpu.RIP) === rip) {
      store<u64>(Control.INT_STATE, load<u64>(Control.INT_STATE) | 1);
    }
    return;
  }
  if (pending !== STOP) {
    deliverPending();
    return;
  }
  setPending(NONE);
  if (traps && load<u64>(Cpu.INSTRUCTIONS) !== done) {
    store<u64>(Cpu.DR6, load<u64>(Cpu.DR6) | 0x4000);
    raise(Reg.VECTOR_DB);
    deliverPending();
  }
}

/** Takes the virtual interrupt, if there is one that RFLAGS.IF and the task priority let in. APM2 §15.21.4. */
function takesInterrupt(): bool {
  const word = load<u64>(Control.V_INTR);
  if ((word & V_IRQ) === 0 || (load<u32>(Cpu.RFLAGS) & Reg.RFLAGS_IF) === 0) return false;
  // With restricted injection #HV alone comes in. APM2 §15.36.16
  if ((load<u64>(Control.SEV_FEATURES) & RESTRICTED) !== 0) {
    if ((load<u32>(Control.LIFTED) & LIFTED_VIRTUAL_INTERRUPT) === 0) return false;
  }
  const priority = (word >> 16) & 15;
  if ((word & V_IGNORE_TPR) === 0 && priority <= (word & 15)) return false;
  if (intercepted(Exit.VINTR)) {
    exitWith(Exit.VINTR, 0, 0);
    return true;
  }
  store<u64>(Control.V_INTR, word & ~V_IRQ);
  deliver(<u32>(word >> 32) & 0xff, EXTERNAL, false, 0, load<u64>(Cpu.RIP));
  return true;
}
