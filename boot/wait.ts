import { Assembler } from '../tools/compiler/x86/assembler.ts';
import { mem, RDI } from '../tools/compiler/x86/operand.ts';
import { type BootObject, bootObject } from './object.ts';

/** Second byte of the doorbell page's first word: NoFurtherSignal. */
const SIGNAL_BYTE = 1;
const SIGNALLED = 0x80;

/**
 * `boot!wait(doorbell: u64)`: the one place where interrupts are on. Halts until one comes, and comes
 * back with interrupts off. `doorbell` is the address of the word in which a host with restricted
 * injection has said what is pending, or of one that reads as zero.
 *
 * ```
 *           sti
 *   open:   test byte [doorbell + 1], 80h     an event came while interrupts were off
 *           jne  out
 *           hlt
 *   out:    cli
 *           ret
 * ```
 *
 * From `open` on, and as long as HLT is not done, an event that is served would be slept over. So who
 * serves one there (kernel/interrupt/interrupts.ts) goes on at `out`: between the test and its jump,
 * and between that and HLT, there is no instruction at which it would not.
 */
export function waitStub(): BootObject {
  const asm = new Assembler(64);
  const [wait, open, out] = [asm.label(), asm.label(), asm.label()];
  asm.bind(wait);
  asm.op('sti');
  asm.bind(open);
  asm.op('test r/m8, imm8', mem(RDI, SIGNAL_BYTE), SIGNALLED);
  asm.op('jne rel8', out);
  asm.op('hlt');
  asm.bind(out);
  asm.op('cli');
  asm.op('ret');
  const symbols = [
    { name: 'boot!wait', label: wait, kind: 'function' },
    { name: 'boot!waitOpen', label: open, kind: 'function' },
    { name: 'boot!waitOut', label: out, kind: 'function' },
  ] as const;
  return bootObject(asm, symbols, 16);
}
