import { Ir, type Value } from '../ir/value.ts';
import { mapNumbers } from '../lists.ts';
import { TABLE_DESCRIPTOR } from '../object.ts';
import { Op } from '../wasm/opcodes.ts';
import { LEA, MOV } from './forms.ts';
import { FILL_TABLE_HELPER, GROW_TABLE_HELPER } from './helper-table.ts';
import { LEA_ADDRESS } from './kinds-integer.ts';
import { LOAD } from './kinds-memory.ts';
import {
  SET_ELEMENT,
  TABLE_FILL,
  TABLE_GET,
  TABLE_GROW,
  TABLE_SET,
  type TableData,
} from './kinds-table.ts';
import { Use } from './machine.ts';
import { RAX, RDI, RDX, RSI } from './operand.ts';
import { symbolOperand } from './select-address.ts';
import type { Rule, Selector } from './selector.ts';
import { elementSymbol, recordSymbol, tableSymbol } from './symbols.ts';
import { CALL_CLOBBERS } from './target.ts';

function tableData({ context }: Selector, index: number): TableData {
  return {
    table: tableSymbol(context, index),
    hasFunctions: context.module.tables[index]?.element === 'funcref',
    grow: `${context.instance}!${GROW_TABLE_HELPER}`,
    fill: `${context.instance}!${FILL_TABLE_HELPER}`,
  };
}

const tableGet: Rule = (s, value) => {
  const inst = s.inst(TABLE_GET);
  inst.defs = [s.isNeeded(value) ? value.id : s.newRegister()];
  inst.uses = [s.use(value.args[0] as Value, Use.REGISTER)];
  inst.data = tableData(s, value.imm);
  s.emit(inst);
};

const tableSet: Rule = (s, value) => {
  const inst = s.inst(TABLE_SET);
  inst.uses = mapNumbers(value.args, (arg) => s.use(arg, Use.LATE_REGISTER));
  inst.temps = [s.newRegister(), s.newRegister()];
  inst.data = tableData(s, value.imm);
  s.emit(inst);
};

const setElement: Rule = (s, value) => {
  const inst = s.inst(SET_ELEMENT);
  inst.uses = mapNumbers(value.args, (arg) => s.use(arg, Use.LATE_REGISTER));
  inst.temps = [s.newRegister(), s.newRegister()];
  inst.imm = value.aux;
  inst.data = {
    table: elementSymbol(s.context, value.imm),
    hasFunctions: s.context.module.elements[value.imm]?.type === 'funcref',
    grow: '',
    fill: '',
  } satisfies TableData;
  s.emit(inst);
};

const tableSize: Rule = (s, value) => {
  const inst = s.inst(LOAD, MOV[32]);
  inst.defs = [s.def(value)];
  inst.address = symbolOperand(tableSymbol(s.context, value.imm), TABLE_DESCRIPTOR.size);
  s.emit(inst);
};

const tableGrow: Rule = (s, value) => {
  const inst = s.inst(TABLE_GROW);
  inst.uses = mapNumbers(value.args, (arg) => s.anyUse(arg));
  inst.useHints = [RDI, RSI];
  inst.defs = [s.def(value)];
  inst.anyDef = true;
  inst.defHints = [RAX];
  inst.clobbers = CALL_CLOBBERS;
  inst.data = tableData(s, value.imm);
  s.emit(inst);
};

const tableFill: Rule = (s, value) => {
  const inst = s.inst(TABLE_FILL);
  inst.uses = mapNumbers(value.args, (arg) => s.anyUse(arg));
  inst.useHints = [RDI, RSI, RDX];
  inst.clobbers = CALL_CLOBBERS;
  inst.data = tableData(s, value.imm);
  s.emit(inst);
};

const functionReference: Rule = (s, value) => {
  const inst = s.inst(LEA_ADDRESS, LEA[64]);
  inst.defs = [s.def(value)];
  inst.address = symbolOperand(recordSymbol(s.context, value.imm));
  s.emit(inst);
};

export const TABLE_RULES: [number, Rule][] = [
  [Op.TABLE_GET, tableGet],
  [Op.TABLE_SET, tableSet],
  [Op.TABLE_SIZE, tableSize],
  [Op.TABLE_GROW, tableGrow],
  [Op.TABLE_FILL, tableFill],
  [Op.REF_FUNC, functionReference],
  [Ir.SET_ELEMENT, setElement],
];
