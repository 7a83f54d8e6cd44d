import { ATOMIC_INSTRUCTIONS } from '../wasm/atomics.ts';
import { Op, opcodeName } from '../wasm/opcodes.ts';
import { VECTOR_INSTRUCTIONS } from '../wasm/simd.ts';
import { type Block, Exit, type Fn, irName, resolve, type Value } from './value.ts';
import { machineVectorName, V128_CONST } from './vector-ops.ts';

const TYPES: Readonly<Record<number, string>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
};

/** A function as text, a value a line: `v3: i32 = i32.add v1, 5`. */
export function printFn(fn: Fn): string {
  const types = (list: readonly number[]) => list.map((type) => TYPES[type]).join(', ');
  const lines = [`function ${fn.name}(${types(fn.params)}) -> (${types(fn.results)})`];
  for (const block of fn.blocks) lines.push(...printBlock(block));
  return `${lines.join('\n')}\n`;
}

function printBlock(block: Block): string[] {
  const notes = [
    block.preds.length > 0 ? `from ${block.preds.map(({ id }) => `b${id}`).join(' ')}` : '',
    block.isLoopHeader ? 'loop' : '',
    block.loopDepth > 0 ? `depth ${block.loopDepth}` : '',
    block.cold ? 'cold' : '',
  ].filter(Boolean);
  return [
    `b${block.id}:${notes.length > 0 ? `  ; ${notes.join(', ')}` : ''}`,
    ...block.phis.map(printValue),
    ...block.body.map(printValue),
    `  ${printExit(block)}`,
  ];
}

function printValue(value: Value): string {
  const { op, type, id, imm } = value;
  const vector =
    machineVectorName(op) ?? (VECTOR_INSTRUCTIONS.get(op) ?? ATOMIC_INSTRUCTIONS.get(op))?.name;
  const name = irName(op) ?? vector ?? opcodeName(op);
  const suffix =
    imm !== 0 || op === Op.CALL || op === Op.GLOBAL_GET || op === Op.REF_FUNC ? `[${imm}]` : '';
  const left = type === 0 ? '' : `v${id}: ${TYPES[type]} = `;
  return `  ${left}${name}${suffix}${value.args.map((arg, i) => `${i ? ',' : ''} ${operand(arg)}`).join('')}`;
}

function operand(unresolved: Value): string {
  const value = resolve(unresolved);
  switch (value.op) {
    case Op.I32_CONST:
      return `${value.imm}`;
    case Op.I64_CONST:
      return `${value.bits}`;
    case Op.F32_CONST:
      return `f32:${(value.imm >>> 0).toString(16)}`;
    case Op.F64_CONST:
      return `f64:${value.bits.toString(16)}`;
    case V128_CONST:
      return `v128:${value.bits.toString(16)}`;
    default:
      return `v${value.id}`;
  }
}

function printExit(block: Block): string {
  const targets = block.succs.map(({ id }) => `b${id}`);
  const control = block.control ? operand(block.control) : '';
  switch (block.exit) {
    case Exit.JUMP:
      return `jump ${targets[0]}`;
    case Exit.BRANCH:
      return `branch ${control}, ${targets.join(', ')}`;
    case Exit.SWITCH:
      return `switch ${control}, ${block.cases.map((i) => targets[i]).join(' ')}`;
    case Exit.RETURN:
      return `return ${block.results.map(operand).join(', ')}`.trimEnd();
    case Exit.TAIL_CALL:
      return 'tail call';
    default:
      return 'trap';
  }
}
