import type { Context } from '../ir/context.ts';
import {
  type Block,
  type Fn,
  hasEffect,
  Ir,
  isConstant,
  isFloatType,
  type Value,
} from '../ir/value.ts';
import { onlyLoads } from '../ir/vector-ops.ts';
import { mapList, mapNumbers } from '../lists.ts';
import { Op, Type } from '../wasm/opcodes.ts';
import type { ConstantPool } from './constants.ts';
import { LOAD_CONSTANT } from './kinds-move.ts';
import { type Placement, placeIncoming } from './locations.ts';
import {
  constantUse,
  Inst,
  type Kind,
  MachineBlock,
  MachineFn,
  type Phi,
  Use,
  use,
} from './machine.ts';
import type { Target } from './target.ts';

/** Makes the machine instructions for a value that is needed or has an effect. */
export type Rule = (s: Selector, value: Value) => void;

/** What a function's selection asks the rules for. */
export interface Rules {
  readonly byOp: ReadonlyMap<number, Rule>;
  /** The instruction that ends a block. */
  exit(s: Selector, block: Block): void;
  /** The instruction that takes the parameters, first in the entry block. */
  params(s: Selector): void;
}

/**
 * Walks a function's blocks backwards, so that when a value's turn comes it is known whether
 * anybody needs it in a register or whether all its users have folded it into their own
 * instructions. Rules use the rest of its methods.
 */
export class Selector {
  readonly fn: Fn;
  readonly context: Context;
  readonly target: Target;
  readonly constants: ConstantPool;
  readonly machine: MachineFn;
  /** Where the function's parameters and results are. */
  readonly placement: Placement;
  /** Offset in the module of what is being selected. */
  offset = 0;
  /** The block in hand. */
  block: Block;
  readonly #rules: Rules;
  /** By the blocks' ids. */
  readonly #blocks: MachineBlock[];
  /** By value id: whether it must be in a register. */
  readonly #needed: Uint8Array;
  /** By value id: whether its user does it. */
  readonly #folded: Uint8Array;
  /** By value id: how many effects precede it in its block. */
  readonly #epochs: Int32Array;
  #epoch = 0;
  /** Instructions of the block, the last first. */
  #insts: Inst[] = [];
  /** What must come before the instruction that is being made, the last first. */
  #before: Inst[] = [];
  readonly #constants = new Map<Value, number>();

  constructor(fn: Fn, context: Context, target: Target, constants: ConstantPool, rules: Rules) {
    this.fn = fn;
    this.#rules = rules;
    this.constants = constants;
    this.context = context;
    this.target = target;
    this.machine = new MachineFn(fn.name);
    this.placement = placeIncoming(fn);
    this.block = fn.blocks[0] as Block;
    this.#blocks = new Array<MachineBlock>(fn.blockCount);
    this.#needed = new Uint8Array(fn.valueCount);
    this.#folded = new Uint8Array(fn.valueCount);
    this.#epochs = new Int32Array(fn.valueCount);
  }

  run(): MachineFn {
    const { fn, machine } = this;
    machine.classes = new Array<number>(fn.valueCount).fill(0);
    for (const block of fn.blocks) {
      for (const value of block.phis) this.#classify(value);
      for (const value of block.body) this.#classify(value);
      const made = new MachineBlock(block.id);
      this.#blocks[block.id] = made;
      machine.blocks.push(made);
    }
    for (const block of fn.blocks) this.#connect(block);
    for (let i = fn.blocks.length - 1; i >= 0; i--) this.#selectBlock(fn.blocks[i] as Block);
    return machine;
  }

  #classify({ id, type }: Value): void {
    if (!isFloatType(type)) return;
    this.machine.classes[id] = 1;
    if (type === Type.V128) this.machine.wide.add(id);
  }

  #connect(block: Block): void {
    const made = this.machineBlock(block);
    const machineBlock = (each: Block) => this.machineBlock(each);
    made.preds = mapList(block.preds, machineBlock);
    made.succs = mapList(block.succs, machineBlock);
    made.loopDepth = block.loopDepth;
    made.isLoopHeader = block.isLoopHeader;
    made.loop = block.loop && this.machineBlock(block.loop);
    made.outer = block.outer && this.machineBlock(block.outer);
    made.loopFirst = block.loopFirst;
    made.loopEnd = block.loopEnd;
    made.cold = block.cold;
    if (block.phis.length === 0) return;
    const input = (arg: Value) => this.anyUse(arg);
    made.phis = mapList(block.phis, (phi): Phi => {
      return { def: phi.id, inputs: mapNumbers(phi.args, input), at: -1 };
    });
  }

  #selectBlock(block: Block): void {
    this.block = block;
    this.#insts = [];
    this.#numberEpochs(block);
    this.offset = block.offset;
    this.#rules.exit(this, block);
    for (let i = block.body.length - 1; i >= 0; i--) {
      const value = block.body[i] as Value;
      this.#epoch = this.#epochs[value.id] as number;
      this.offset = value.offset;
      this.#selectValue(value);
    }
    if (block === this.fn.blocks[0] && this.fn.params.length > 0) this.#rules.params(this);
    this.machineBlock(block).insts = this.#insts.reverse();
  }

  #selectValue(value: Value): void {
    if (value.op === Ir.PARAM || value.op === Ir.RESULT) return;
    if (this.#folded[value.id] === 1) return;
    if (this.#needed[value.id] === 0 && !hasEffect(value.op)) return;
    const rule = this.#rules.byOp.get(value.op);
    if (!rule) throw new RangeError(`no selection rule for operation ${value.op}`);
    rule(this, value);
  }

  #numberEpochs({ body }: Block): void {
    let epoch = 0;
    for (const value of body) {
      this.#epochs[value.id] = epoch;
      if (endsEpoch(value.op)) epoch++;
    }
    this.#epoch = epoch;
  }

  machineBlock(block: Block): MachineBlock {
    return this.#blocks[block.id] as MachineBlock;
  }

  inst(kind: Kind, form?: Inst['form']): Inst {
    return new Inst(kind, form, this.offset);
  }

  /** Adds an instruction before those of its block that were added so far. */
  emit(inst: Inst): void {
    this.#insts.push(inst);
    if (this.#before.length === 0) return;
    const before = this.#before;
    this.#before = [];
    for (const each of before) this.#insts.push(each);
  }

  /** Adds an instruction that must come right before the one being made, and before earlier such. */
  emitBefore(inst: Inst): void {
    this.#before.push(inst);
  }

  /** The register that the value's instruction writes; -1 where nobody reads it. */
  def(value: Value): number {
    return this.#needed[value.id] === 1 ? value.id : -1;
  }

  isNeeded(value: Value): boolean {
    return this.#needed[value.id] === 1;
  }

  newRegister(isXmm = false): number {
    return this.machine.newRegister(isXmm);
  }

  /** The register that holds a value. An i32 is kept zero-extended, so extending it takes nothing. */
  register(value: Value): number {
    let v = value;
    while (v.op === Op.I64_EXTEND_I32_U) v = v.args[0] as Value;
    if (isConstant(v)) return this.#loadConstant(v);
    this.#needed[v.id] = 1;
    return v.id;
  }

  use(value: Value, kind: number): number {
    return use(this.register(value), kind);
  }

  /** A use by an instruction that reads no more than the low 32 bits. */
  use32(value: Value, kind: number): number {
    let v = value;
    while (v.op === Op.I32_WRAP_I64 || v.op === Op.I64_EXTEND_I32_U) v = v.args[0] as Value;
    return this.use(v, kind);
  }

  /** A use that a move reads: a register, a slot or a constant. */
  anyUse(value: Value): number {
    let v = value;
    while (v.op === Op.I64_EXTEND_I32_U) v = v.args[0] as Value;
    if (!isConstant(v)) return this.use(v, Use.ANY);
    let index = this.#constants.get(v);
    if (index === undefined) {
      index = this.machine.constants.length;
      this.machine.constants.push({ type: v.type, bits: constantBits(v) });
      this.#constants.set(v, index);
    }
    return constantUse(index);
  }

  #loadConstant(value: Value): number {
    const register = this.newRegister(isFloatType(value.type));
    if (value.type === Type.V128) this.machine.wide.add(register);
    const inst = this.inst(LOAD_CONSTANT);
    inst.defs = [register];
    inst.data = { type: value.type, bits: constantBits(value) };
    this.emitBefore(inst);
    return register;
  }

  /**
   * Whether the load `value` may be done by the instruction being made: nobody else wants it, it
   * reads as much as that instruction would, and nothing with an effect stands between.
   */
  canFoldLoad(value: Value, op: number): boolean {
    return (
      value.op === op &&
      onlyLoads(op) &&
      value.uses === 1 &&
      value.block === this.block &&
      this.#epochs[value.id] === this.#epoch &&
      this.#folded[value.id] === 0 &&
      this.#needed[value.id] === 0
    );
  }

  /** Leaves a value to the instruction being made. */
  fold(value: Value): void {
    this.#folded[value.id] = 1;
  }
}

/** The bits of a constant; an i32 zero-extended. */
export function constantBits(value: Value): bigint {
  if (value.op === Op.I32_CONST || value.op === Op.F32_CONST) return BigInt(value.imm >>> 0);
  return value.type === Type.V128 ? value.bits : BigInt.asUintN(64, value.bits);
}

/** The constant as a sign-extended 32-bit immediate, if it is one that fits. */
export function immediate(value: Value): number | undefined {
  if (value.op === Op.I32_CONST) return value.imm;
  if (value.op !== Op.I64_CONST) return undefined;
  return BigInt.asIntN(32, value.bits) === value.bits ? Number(value.bits) : undefined;
}

/** Bits of an integer type. */
export function widthOf(type: number): 32 | 64 {
  return type === Type.I64 ? 64 : 32;
}

/** Operations that later loads must not be moved across. */
function endsEpoch(op: number): boolean {
  return hasEffect(op) && !onlyLoads(op) && op !== Ir.RESULT && op !== Ir.PARAM;
}
