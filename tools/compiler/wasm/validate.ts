import type { ValueType } from '../object.ts';
import { operationType } from './constant.ts';
import type { ConstantExpression, ConstantLeaf, Module } from './module.ts';
import { MAX_PAGES } from './module.ts';
import { invalid, unsupported } from './reader.ts';
import { BodyValidator } from './validate-body.ts';

/** As in the engines' common limit (https://webassembly.github.io/spec/js-api/#limits). */
const MAX_TABLE = 10_000_000;

/**
 * Checks a module as the specification says (Wasm 2.0 §3.4), every function body included, before
 * any code is made of it.
 *
 * @throws UserError `invalid:`, or `malformed:` and `unsupported:` for instructions
 */
export function validate(module: Module): void {
  validateTypes(module);
  validateTables(module);
  validateMemories(module);
  validateGlobals(module);
  validateSegments(module);
  validateExports(module);
  validateStart(module);
  const validator = new BodyValidator(module);
  module.functions.forEach((entry, index) => {
    if (entry.body) validator.validate(index, entry.body);
  });
}

function validateTypes({ functions, types }: Module): void {
  for (const { typeIndex, offset } of functions) {
    if (typeIndex >= types.length) throw invalid(`unknown type ${typeIndex}`, offset);
  }
}

function validateTables({ tables }: Module): void {
  for (const { limits, offset } of tables) {
    if (limits.max !== undefined && limits.min > limits.max) {
      throw invalid('size minimum must not be greater than maximum', offset);
    }
    if (limits.min > MAX_TABLE) throw unsupported(`more than ${MAX_TABLE} table elements`, offset);
  }
}

function validateMemories({ memories }: Module): void {
  for (const { limits, offset } of memories) {
    const { min, max } = limits;
    if (min > MAX_PAGES || (max ?? 0) > MAX_PAGES) {
      throw invalid('memory size must be at most 65536 pages (4GiB)', offset);
    }
    if (max !== undefined && min > max) {
      throw invalid('size minimum must not be greater than maximum', offset);
    }
  }
  const second = memories[1];
  if (second) throw invalid('multiple memories', second.offset);
}

function validateGlobals(module: Module): void {
  for (const { init, type } of module.globals) {
    if (init) validateConstant(module, init, type);
  }
}

/** A constant may only refer to globals that are imported and immutable (§3.3.10). */
function validateConstant(module: Module, constant: ConstantExpression, expected: ValueType): void {
  const instructions = constant.kind === 'sequence' ? constant.instructions : [constant];
  const stack: ValueType[] = [];
  for (const each of instructions) {
    if (each.kind !== 'operation') {
      stack.push(typeOfLeaf(module, each));
      continue;
    }
    const type = operationType(each.op);
    if (!type) throw invalid('constant expression required', each.offset);
    if (stack.pop() !== type || stack.pop() !== type) throw invalid('type mismatch', each.offset);
    stack.push(type);
  }
  if (stack.length !== 1 || stack[0] !== expected) throw invalid('type mismatch', constant.offset);
}

function typeOfLeaf(module: Module, constant: ConstantLeaf): ValueType {
  const { offset } = constant;
  switch (constant.kind) {
    case 'global': {
      const global = module.globals[constant.index];
      if (!global || global.importIndex === undefined) {
        throw invalid(`unknown global ${constant.index}`, offset);
      }
      if (global.mutable) throw invalid('constant expression required', offset);
      return global.type;
    }
    case 'function':
      if (constant.index >= module.functions.length) {
        throw invalid(`unknown function ${constant.index}`, offset);
      }
      return 'funcref';
    case 'null':
      return constant.type;
    default:
      return constant.kind;
  }
}

function validateSegments(module: Module): void {
  for (const { mode, type, items, offset } of module.elements) {
    if (mode.kind === 'active') {
      const table = module.tables[mode.table];
      if (!table) throw invalid(`unknown table ${mode.table}`, offset);
      if (table.element !== type) throw invalid('type mismatch', offset);
      validateConstant(module, mode.at, 'i32');
    }
    for (const item of items) validateConstant(module, item, type);
  }
  for (const { mode, offset } of module.data) {
    if (mode.kind !== 'active') continue;
    if (!module.memories[mode.memory]) throw invalid(`unknown memory ${mode.memory}`, offset);
    validateConstant(module, mode.at, 'i32');
  }
}

function validateExports(module: Module): void {
  const names = new Set<string>();
  const spaces = {
    function: module.functions,
    table: module.tables,
    memory: module.memories,
    global: module.globals,
  };
  for (const { name, kind, index, offset } of module.exports) {
    if (index >= spaces[kind].length) throw invalid(`unknown ${kind} ${index}`, offset);
    if (names.has(name)) throw invalid('duplicate export name', offset);
    names.add(name);
  }
}

function validateStart({ start, functions, types }: Module): void {
  if (!start) return;
  const type = types[functions[start.index]?.typeIndex ?? -1];
  if (!type) throw invalid(`unknown function ${start.index}`, start.offset);
  if (type.params.length > 0 || type.results.length > 0) {
    throw invalid('start function', start.offset);
  }
}
