import { functionBinding } from '../ir/context.ts';
import { Ir, type Value } from '../ir/value.ts';
import { mapNumbers } from '../lists.ts';
import type { FunctionType } from '../object.ts';
import { functionType } from '../wasm/module.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import { selectIntrinsic } from './intrinsics.ts';
import {
  CALL,
  CALL_INDIRECT,
  type CallData,
  type IndirectCallData,
  PARAMETERS,
  TAIL_CALL,
  TAIL_CALL_INDIRECT,
} from './kinds-call.ts';
import { placeOutgoing } from './locations.ts';
import { constantUse, type Inst, type Kind } from './machine.ts';
import { RAX, RDI } from './operand.ts';
import { selectBulk } from './select-bulk.ts';
import type { Rule, Selector } from './selector.ts';
import { functionSymbol, isFixedTable, memorySymbol, tableSymbol } from './symbols.ts';
import { CALL_CLOBBERS } from './target.ts';

const call: Rule = (s, value) => {
  s.emit(directCall(s, value, CALL));
};

function directCall(s: Selector, value: Value, kind: Kind): Inst {
  const { context } = s;
  const type = functionType(context.module, value.imm);
  const bound = functionBinding(context, value.imm)?.binding;
  const binding = bound?.kind === 'symbol' ? bound : undefined;
  const leading = binding?.leading ?? [];
  const withLeading: FunctionType =
    leading.length === 0
      ? type
      : {
          params: [...leading.map((constant) => constant.type), ...type.params],
          results: type.results,
        };
  const leadingUses = mapNumbers(leading, (constant) => {
    const wasmType = constant.type === 'i32' ? Type.I32 : Type.I64;
    s.machine.constants.push({ type: wasmType, bits: constant.value });
    return constantUse(s.machine.constants.length - 1);
  });
  const inst = s.inst(kind);
  const uses = mapNumbers(value.args, (arg) => s.anyUse(arg));
  inst.uses = leading.length === 0 ? uses : [...leadingUses, ...uses];
  const symbol = binding?.symbol ?? functionSymbol(context, value.imm);
  // A callee in tail position may be of another instance.
  const mayBeForeign = context.linked && context.module.facts.hasTailCalls;
  const foreign = mayBeForeign || binding?.foreign === true;
  inst.data = callData(s, inst, value, withLeading, symbol, foreign);
  return inst;
}

const callIndirect: Rule = (s, value) => {
  s.emit(indirectCall(s, value, CALL_INDIRECT));
};

function indirectCall(s: Selector, value: Value, kind: Kind): Inst {
  const { context } = s;
  const type = context.module.types[value.imm] as FunctionType;
  const table = context.module.tables[value.aux];
  const symbol = tableSymbol(context, value.aux);
  const inst = s.inst(kind);
  inst.uses = mapNumbers(value.args, (arg) => s.anyUse(arg));
  inst.data = {
    ...callData(s, inst, value, type, '', context.linked),
    entries: isFixedTable(context, value.aux) ? `${symbol}.entries` : undefined,
    size: table?.limits.min ?? 0,
    table: symbol,
    type: context.typeSymbols[value.imm] as string,
  } satisfies IndirectCallData;
  inst.useHints = [...inst.useHints, RAX];
  return inst;
}

/** The call that the block ends with, in place of a return. */
export function selectTailCall(s: Selector, value: Value): void {
  const isDirect = value.op === Op.RETURN_CALL;
  const inst = isDirect
    ? directCall(s, value, TAIL_CALL)
    : indirectCall(s, value, TAIL_CALL_INDIRECT);
  inst.defs = [];
  inst.defHints = [];
  s.emit(inst);
}

/** Fills in what all calls have in common: results, hints, clobbers, stack space. */
function callData(
  s: Selector,
  inst: Inst,
  value: Value,
  type: FunctionType,
  symbol: string,
  foreign: boolean,
): CallData {
  const placement = placeOutgoing(type);
  const { machine, context } = s;
  machine.outgoing = Math.max(machine.outgoing, placement.stackSize);
  inst.defs = resultRegisters(s, value, type.results.length);
  inst.anyDef = true;
  inst.defHints = placement.resultHints;
  inst.useHints = placement.paramHints;
  inst.clobbers = CALL_CLOBBERS;
  const reloads = foreign && s.target.baseRegister && context.module.memories.length > 0;
  return {
    symbol,
    arguments: placement.params,
    results: placement.results,
    popped: placement.argumentSize,
    reload: reloads ? memorySymbol(context) : undefined,
  };
}

/** A call's value is its only result; several are RESULT values, which follow it in the block. */
function resultRegisters(s: Selector, value: Value, count: number): number[] {
  if (count === 0) return [];
  if (count === 1) return [s.def(value)];
  const registers = [-1];
  while (registers.length < count) registers.push(-1);
  const body = s.block.body;
  for (let i = body.indexOf(value) + 1; i <= body.length; i++) {
    const next = body[i];
    if (next?.op !== Ir.RESULT || next.args[0] !== value) break;
    registers[next.imm] = s.def(next);
  }
  return registers;
}

/** The function's parameters, all in one instruction at its start. */
export function selectParams(s: Selector): void {
  const { fn, placement } = s;
  s.machine.incoming = placement.argumentSize;
  const inst = s.inst(PARAMETERS);
  const defs = mapNumbers(fn.params, () => -1);
  for (const value of fn.blocks[0]?.body ?? []) {
    if (value.op === Ir.PARAM) defs[value.imm] = s.def(value);
  }
  inst.defs = defs;
  inst.anyDef = true;
  inst.defHints = placement.paramHints;
  inst.data = placement.params;
  s.emit(inst);
}

/** Moves the results to where the caller expects them. */
export function selectReturn(s: Selector, inst: Inst, results: readonly Value[]): Inst {
  const { placement } = s;
  inst.uses = mapNumbers(results, (result) => s.anyUse(result));
  inst.useHints = placement.resultHints;
  inst.data = placement.results;
  return inst;
}

const memoryGrow: Rule = (s, value) => {
  const inst = s.inst(CALL);
  inst.uses = [s.anyUse(value.args[0] as Value)];
  inst.defs = [s.def(value)];
  inst.anyDef = true;
  inst.useHints = [RDI];
  inst.defHints = [RAX];
  inst.clobbers = CALL_CLOBBERS;
  inst.data = {
    symbol: `${memorySymbol(s.context)}_grow`,
    arguments: [RDI],
    results: [RAX],
    popped: 0,
    reload: undefined,
  } satisfies CallData;
  s.emit(inst);
};

/** Made with the block's end. */
const tailCall: Rule = () => {};

export const CALL_RULES: [number, Rule][] = [
  [Op.RETURN_CALL, tailCall],
  [Op.RETURN_CALL_INDIRECT, tailCall],
  [Op.CALL, call],
  [Op.CALL_INDIRECT, callIndirect],
  [Op.MEMORY_GROW, memoryGrow],
  [Ir.INTRINSIC, selectIntrinsic],
  ...[
    Op.MEMORY_COPY,
    Op.MEMORY_FILL,
    Op.MEMORY_INIT,
    Op.DATA_DROP,
    Op.TABLE_INIT,
    Op.TABLE_COPY,
    Op.ELEM_DROP,
  ].map((op): [number, Rule] => [op, selectBulk]),
];
