import { PLATFORM_SEV_ES } from '../spec/abi/platform.ts';
import * as Termination from '../spec/abi/termination.ts';
import { VECTOR_GP, VECTOR_UD, VECTOR_VC } from '../spec/cpu.ts';
import * as Exit from '../spec/exit.ts';
import { EAX, EBP, ESP, type Label, mem } from '../tools/compiler/x86/operand.ts';
import { type Code32, record } from './code32.ts';
import { SELECTOR_CODE32, SHIM } from './memory-map.ts';

/** Vectors that the architecture has given a meaning. */
const VECTORS = 32;
/** Present 32-bit interrupt gate of ring 0. APM2 §4.7.3. */
const INTERRUPT_GATE = 0x8e00;

/** Handlers of the 32-bit IDT, by vector; the rest is `other`. */
export interface Handlers {
  readonly byVector: ReadonlyMap<number, Label>;
  readonly other: Label;
}

/**
 * The exception handlers that stand while the shim finds out what it runs on. Some instruction may have
 * to be tried: then EBP holds the address to go on at if it raises #UD, #GP or #VC, and EAX is the
 * vector there. With EBP zero, as at all other times, an exception ends the guest.
 */
export function assembleHandlers(asm: Code32): Handlers {
  /** `frame`: bytes that the CPU pushed: EIP, CS, EFLAGS, and perhaps an error code before them. */
  const handler = (vector: number, frame: number, unexpected: () => void): Label => {
    const start = asm.label();
    const fatal = asm.label();
    asm.bind(start);
    asm.op('test r/m32, r32', EBP, EBP);
    asm.op('je rel8', fatal); // nobody expected it
    asm.op('lea r32, m', ESP, mem(ESP, frame)); // what was interrupted is not resumed
    asm.op('mov r32, imm32', EAX, vector);
    asm.op('jmp r/m32', EBP);
    asm.bind(fatal);
    unexpected();
    return start;
  };
  const exception = () => asm.fail(Termination.EXCEPTION);
  const byVector = new Map([
    [VECTOR_UD, handler(VECTOR_UD, 12, exception)],
    [VECTOR_GP, handler(VECTOR_GP, 16, exception)],
    [
      VECTOR_VC,
      handler(VECTOR_VC, 16, () => {
        asm.op('cmp r/m32, imm32', mem(ESP), Exit.PAGE_NOT_VALIDATED); // the error code
        asm.require('ne', Termination.VC_NOT_VALIDATED);
        asm.op('cmp r/m32, imm32', record('platform'), PLATFORM_SEV_ES);
        asm.require('ae', Termination.VC_WITHOUT_ES);
        asm.fail(Termination.VC_NOT_SERVED);
      }),
    ],
  ]);
  const other = asm.label();
  asm.bind(other);
  exception();
  return { byVector, other };
}

/** The 32-bit IDT over handlers that are assembled already. */
export function assembleIdt32(asm: Code32, handlers: Handlers): void {
  for (let vector = 0; vector < VECTORS; vector++) {
    const address = SHIM + asm.offsetOf(handlers.byVector.get(vector) ?? handlers.other);
    asm.u16(address);
    asm.u16(SELECTOR_CODE32);
    asm.u16(INTERRUPT_GATE);
    asm.u16(address >> 16);
  }
}

/** LIDT's limit for that table. */
export const IDT32_LIMIT = VECTORS * 8 - 1;
