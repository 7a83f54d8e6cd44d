import type { Value } from '../ir/value.ts';
import { ATOMIC_INSTRUCTIONS, type AtomicInstruction, type Update } from '../wasm/atomics.ts';
import { Type } from '../wasm/opcodes.ts';
import {
  type AluForms,
  AND,
  CMP,
  type Form,
  form,
  MOV,
  MOVZX8,
  MOVZX16,
  OR,
  XOR,
} from './forms.ts';
import {
  CHECK_ALIGNMENT,
  EXCHANGE_ADD,
  FENCE,
  NOTIFY,
  UPDATE,
  type UpdateData,
  WAIT,
  WAIT_UNSHARED,
} from './kinds-atomic.ts';
import { COMPARE_EXCHANGE, EXCHANGE } from './kinds-intrinsic.ts';
import { LOAD } from './kinds-memory.ts';
import { type Inst, Use } from './machine.ts';
import { RAX } from './operand.ts';
import { memoryOperand } from './select-address.ts';
import type { Rule, Selector } from './selector.ts';

/** By log2 of the bytes. */
const LOADS = [MOVZX8, MOVZX16, MOV[32], MOV[64]];
const WIDENINGS = [MOVZX8, MOVZX16, undefined, undefined];
const rows = (name: string) => [8, 16, 32, 64].map((w) => form(`${name} r/m${w}, r${w}`));
const EXCHANGES = rows('xchg');
const COMPARE_EXCHANGES = rows('cmpxchg');
const EXCHANGE_ADDS = rows('xadd');
const OPERATIONS: Readonly<Partial<Record<Update, AluForms>>> = {
  and: AND[64],
  or: OR[64],
  xor: XOR[64],
};

/** Adds the access and, before it, the check of its alignment. */
function emitAccess(s: Selector, value: Value, inst: Inst, uses: number[], shift: number): void {
  const pointer = value.args[0] as Value;
  inst.address = memoryOperand(s, pointer, value.imm, uses, Use.LATE_REGISTER);
  inst.uses = uses;
  s.emit(inst);
  if (shift === 0) return;
  const check = s.inst(CHECK_ALIGNMENT);
  check.uses = [s.use(pointer, Use.REGISTER)];
  check.imm = value.imm;
  check.data = 1 << shift;
  s.emit(check);
}

function resultOf(s: Selector, value: Value): number {
  return s.isNeeded(value) ? s.def(value) : s.newRegister();
}

function load({ shift }: AtomicInstruction): Rule {
  return (s, value) => {
    const inst = s.inst(LOAD, LOADS[shift] as Form);
    inst.defs = [s.def(value)];
    emitAccess(s, value, inst, [], shift);
  };
}

/** A store is an exchange: later accesses must not overtake it. */
function exchange({ shift }: AtomicInstruction): Rule {
  return (s, value) => {
    const inst = s.inst(EXCHANGE, EXCHANGES[shift] as Form);
    const uses = [s.use(value.args[1] as Value, Use.ANY)];
    inst.defs = [resultOf(s, value)];
    inst.data = WIDENINGS[shift];
    emitAccess(s, value, inst, uses, shift);
  };
}

function exchangeAdd({ shift, kind }: AtomicInstruction): Rule {
  return (s, value) => {
    const inst = s.inst(EXCHANGE_ADD, EXCHANGE_ADDS[shift] as Form);
    const uses = [s.use(value.args[1] as Value, Use.ANY)];
    inst.defs = [resultOf(s, value)];
    inst.imm = kind === 'sub' ? 1 : 0;
    inst.data = updateData(shift, undefined);
    emitAccess(s, value, inst, uses, shift);
  };
}

function updateData(shift: number, operation: AluForms | undefined): UpdateData {
  return { load: LOADS[shift] as Form, operation, widen: WIDENINGS[shift] };
}

function update({ shift, kind }: AtomicInstruction): Rule {
  return (s, value) => {
    const inst = s.inst(UPDATE, COMPARE_EXCHANGES[shift] as Form);
    const uses = [s.use(value.args[1] as Value, Use.LATE_REGISTER)];
    inst.defs = [s.def(value)];
    inst.defHints = [RAX];
    inst.clobbers = 1 << RAX;
    inst.temps = [s.newRegister()];
    inst.data = updateData(shift, OPERATIONS[kind as Update]);
    emitAccess(s, value, inst, uses, shift);
  };
}

function compareExchange({ shift }: AtomicInstruction): Rule {
  return (s, value) => {
    const inst = s.inst(COMPARE_EXCHANGE, COMPARE_EXCHANGES[shift] as Form);
    const uses = [
      s.use(value.args[1] as Value, Use.ANY),
      s.use(value.args[2] as Value, Use.LATE_REGISTER),
    ];
    inst.defs = [s.def(value)];
    inst.defHints = [RAX];
    inst.useHints = [RAX];
    inst.clobbers = 1 << RAX;
    // Where the values are equal EAX is not written: an i64's upper half would stay.
    inst.data = shift === 2 ? MOV[32] : WIDENINGS[shift];
    emitAccess(s, value, inst, uses, shift);
  };
}

function notify({ shift }: AtomicInstruction): Rule {
  return (s, value) => {
    const inst = s.inst(NOTIFY);
    inst.defs = [resultOf(s, value)];
    emitAccess(s, value, inst, [], shift);
  };
}

function wait({ shift, signature }: AtomicInstruction): Rule {
  const width = signature.params[1] === Type.I64 ? 64 : 32;
  return (s, value) => {
    if (!s.context.module.memories[0]?.shared) {
      const inst = s.inst(WAIT_UNSHARED);
      inst.defs = [resultOf(s, value)];
      s.emit(inst);
      return;
    }
    const inst = s.inst(WAIT, CMP[width].rm);
    const uses = [1, 2].map((i) => s.use(value.args[i] as Value, Use.LATE_REGISTER));
    inst.defs = [resultOf(s, value)];
    inst.earlyDef = true;
    emitAccess(s, value, inst, uses, shift);
  };
}

const MFENCE = form('mfence');

const fence: Rule = (s) => {
  s.emit(s.inst(FENCE, MFENCE));
};

const RULES: Readonly<Record<AtomicInstruction['kind'], (i: AtomicInstruction) => Rule>> = {
  load,
  store: exchange,
  xchg: exchange,
  add: exchangeAdd,
  sub: exchangeAdd,
  and: update,
  or: update,
  xor: update,
  cmpxchg: compareExchange,
  notify,
  wait,
  fence: () => fence,
};

export const ATOMIC_RULES: [number, Rule][] = [...ATOMIC_INSTRUCTIONS.values()].map(
  (instruction) => [instruction.op, RULES[instruction.kind](instruction)],
);
