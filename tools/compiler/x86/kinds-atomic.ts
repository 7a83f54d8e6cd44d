import { type AluForms, Cc, type Form, form, LEA, MOV, TEST } from './forms.ts';
import { type Inst, type Kind, SCRATCH } from './machine.ts';
import { RAX } from './operand.ts';

const NO_REGISTER = -1;

/** Traps unless uses[0] (a register) plus `imm` is a multiple of `data`, a power of two. */
export const CHECK_ALIGNMENT: Kind = {
  name: 'check-alignment',
  emit(out, inst) {
    const { asm } = out;
    const pointer = inst.useAt[0] as number;
    const mask = (inst.data as number) - 1;
    const offset = inst.imm & mask;
    if (offset !== 0) asm.rm(LEA[32], SCRATCH, pointer, NO_REGISTER, 1, offset);
    asm.ri(TEST[32].long, offset === 0 ? pointer : SCRATCH, mask);
    asm.jcc(Cc.NE, out.trap('unaligned atomic', inst.offset));
  },
};

/** def = memory, to which uses[0] is added, or with `imm` 1 subtracted. `form`: xadd m, r. */
export const EXCHANGE_ADD: Kind = {
  name: 'exchange-add',
  emit(out, inst) {
    const d = inst.defAt[0] as number;
    out.move(d, inst.useAt[0] as number);
    if (inst.imm === 1) out.asm.r(NEG, d);
    out.asm.prefix('lock');
    out.address(inst.form as Form, d, inst);
    widenAtomic(out.asm.rr.bind(out.asm), (inst.data as UpdateData).widen, d);
  },
};

const NEG = form('neg r/m64');

export interface UpdateData {
  readonly load: Form;
  /** The operation on registers; of no use to EXCHANGE_ADD. */
  readonly operation: AluForms | undefined;
  /** Zero extension of a result narrower than 32 bits. */
  readonly widen: Form | undefined;
}

/**
 * def = memory, which becomes memory op uses[0] (late): tried until nobody else has written between.
 * `form`: cmpxchg m, r; by RAX and temps[0].
 */
export const UPDATE: Kind = {
  name: 'update',
  emit(out, inst) {
    const { asm } = out;
    const { load, operation, widen } = inst.data as UpdateData;
    const [t] = inst.tempAt as [number];
    const again = asm.label();
    out.address(load, RAX, inst);
    asm.bind(again);
    asm.rr(MOV[64], t, RAX);
    asm.rr((operation as AluForms).rm, t, inst.useAt[0] as number);
    asm.prefix('lock');
    out.address(inst.form as Form, t, inst);
    asm.jcc(Cc.NE, again);
    widenAtomic(asm.rr.bind(asm), widen, RAX);
    const d = inst.defAt[0] ?? -1;
    if (d >= 0) out.move(d, RAX);
  },
};

function widenAtomic(
  write: (row: Form, reg: number, rm: number) => void,
  widen: Form | undefined,
  register: number,
): void {
  if (widen) write(widen, register, register);
}

/** No effect but the order of accesses. `form`: mfence. */
export const FENCE: Kind = {
  name: 'fence',
  emit(out, inst) {
    out.asm.none(inst.form as Form);
  },
};

/** def = 0, the number of threads that were woken, after the access at the address is known to be good. */
export const NOTIFY: Kind = {
  name: 'notify',
  emit(out, inst) {
    out.address(MOV[32], SCRATCH, inst);
    out.clear(inst.defAt[0] as number);
  },
};

/**
 * def (early) = 1 if memory is not uses[0], else 2 for the timeout uses[1], late registers both: there is
 * nobody who could wake the only thread, so time is all that a wait can end with, and it passes at once.
 * Without a timeout (a negative one) it never ends. `form`: cmp r, m.
 */
export const WAIT: Kind = {
  name: 'wait',
  emit(out, inst) {
    const { asm } = out;
    const d = inst.defAt[0] as number;
    const [expected, timeout] = inst.useAt as [number, number];
    const [done, forever] = [asm.label(), asm.label()];
    out.address(inst.form as Form, expected, inst);
    out.loadNumber(d, 1);
    asm.jcc(Cc.NE, done);
    asm.rr(TEST[64].mr, timeout, timeout);
    asm.jcc(Cc.S, forever);
    out.loadNumber(d, 2);
    asm.bind(done);
    out.defer(() => {
      asm.bind(forever);
      asm.jmp(forever);
    });
  },
};

/** A wait on a memory that nobody shares. def: nothing of use. */
export const WAIT_UNSHARED: Kind = {
  name: 'wait-unshared',
  emit(out, inst: Inst) {
    out.trapHere('expected shared memory', inst.offset);
  },
};
