import type { Form } from './forms.ts';
import { type Kind, SCRATCH, SCRATCH_XMM } from './machine.ts';

/** def = memory. `form`: op r, m. A load that nobody needs still is done: it may trap. */
export const LOAD: Kind = {
  name: 'load',
  emit(out, inst) {
    const unneeded = inst.imm === 1 ? SCRATCH_XMM : SCRATCH;
    const d = inst.defAt[0] ?? unneeded;
    out.address(inst.form as Form, d < 0 ? unneeded : d, inst);
  },
};

/** memory = uses[0]. `form`: op m, r. */
export const STORE: Kind = {
  name: 'store',
  emit(out, inst) {
    out.address(inst.form as Form, inst.useAt[0] as number, inst);
  },
};

/** memory = imm. `form`: mov m, imm. */
export const STORE_IMMEDIATE: Kind = {
  name: 'store-imm',
  emit(out, inst) {
    const form = inst.form as Form;
    out.address(form, form.digit, inst);
    out.immediate(form, inst.imm);
  },
};

/** memory = memory op uses[0] (`form`: op m, r). */
export const MODIFY: Kind = { ...STORE, name: 'modify' };

/** memory = memory op imm. */
export const MODIFY_IMMEDIATE: Kind = { ...STORE_IMMEDIATE, name: 'modify-imm' };
