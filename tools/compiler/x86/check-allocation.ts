import {
  type Inst,
  isConstantUse,
  type MachineBlock,
  type MachineFn,
  type Move,
  SLOT,
  Use,
  usedRegister,
} from './machine.ts';

/** What a location holds: a virtual register, a constant (negative), or nothing known. */
type State = Map<number, number>;

/**
 * Checks an allocated function without trusting the allocator: follows what every location holds
 * along all paths, and throws where an instruction would read something else than the virtual
 * register it names, or where two things that live together share a location.
 */
export function checkAllocation(fn: MachineFn): void {
  const entry = new Map<MachineBlock, State>([[fn.blocks[0] as MachineBlock, new Map()]]);
  const work = [fn.blocks[0] as MachineBlock];
  // First to a fixed point, then once more with the checks on: before that, states may know too much.
  for (let block = work.pop(); block; block = work.pop()) {
    const end = walk(fn, block, entry.get(block) as State, false);
    for (const succ of block.succs) {
      const state = enter(fn, block, succ, end, false);
      const known = entry.get(succ);
      const merged = known ? intersection(known, state) : state;
      if (known && merged.size === known.size) continue;
      entry.set(succ, merged);
      work.push(succ);
    }
  }
  for (const [block, state] of entry) {
    const end = walk(fn, block, state, true);
    for (const succ of block.succs) enter(fn, block, succ, end, true);
  }
}

function intersection(a: State, b: State): State {
  return new Map([...a].filter(([location, value]) => b.get(location) === value));
}

function walk(fn: MachineFn, block: MachineBlock, start: State, check: boolean): State {
  const state = new Map(start);
  apply(state, block.startMoves);
  block.insts.forEach((inst, i) => {
    apply(state, block.moves?.get(i) ?? []);
    if (check) checkInst(fn, block, inst, state);
    execute(inst, state);
  });
  return state;
}

/** The state at a successor's start: the edge's moves done, its phis named. */
function enter(
  fn: MachineFn,
  block: MachineBlock,
  succ: MachineBlock,
  end: State,
  check: boolean,
): State {
  const state = new Map(end);
  // Those that `succ` does itself are done there; for its phis they are needed here.
  const moved = new Map(end);
  apply(state, block.endMoves);
  apply(moved, [...block.endMoves, ...succ.startMoves]);
  const index = succ.preds.indexOf(block);
  for (const { def, inputs, at } of succ.phis) {
    const input = inputs[index] as number;
    const value = isConstantUse(input) ? input : usedRegister(input);
    if (check && moved.get(at) !== value) {
      throw new RangeError(
        `${fn.name}: v${def} of b${succ.id} gets something else from b${block.id}`,
      );
    }
  }
  for (const { def } of succ.phis) forget(state, def);
  for (const { def, at } of succ.phis) state.set(at, def);
  return state;
}

function apply(state: State, moves: readonly Move[]): void {
  const values = moves.map(({ from }) => (from < 0 ? from : state.get(from)));
  moves.forEach(({ to }, i) => {
    const value = values[i];
    if (value === undefined) state.delete(to);
    else state.set(to, value);
  });
}

function execute({ defs, defAt, tempAt, clobbers }: Inst, state: State): void {
  for (const location of tempAt) state.delete(location);
  for (let r = 0; r < SLOT; r++) if (((clobbers >>> r) & 1) === 1) state.delete(r);
  for (const def of defs) if (def >= 0) forget(state, def);
  defs.forEach((def, i) => {
    if (def >= 0) state.set(defAt[i] as number, def);
  });
}

/** A register that is defined anew: copies of what it held the last time round are not it. */
function forget(state: State, register: number): void {
  for (const [location, value] of state) if (value === register) state.delete(location);
}

function checkInst(fn: MachineFn, block: MachineBlock, inst: Inst, state: State): void {
  const fail = (what: string): never => {
    throw new RangeError(`${fn.name}: b${block.id}: ${inst.kind.name}: ${what}`);
  };
  const late = new Set<number>();
  inst.uses.forEach((packed, i) => {
    if (isConstantUse(packed)) return;
    const at = inst.useAt[i] as number;
    const kind = packed & 3;
    const register = usedRegister(packed);
    if (state.get(at) !== register) fail(`v${register} is not in ${at}`);
    if ((kind & Use.REGISTER) !== 0 && at >= SLOT) fail(`v${register} is in memory`);
    if ((kind & Use.LATE) !== 0) late.add(at);
    if (inst.tempAt.includes(at)) fail(`v${register} is in the register of a temporary`);
  });
  for (const at of late) {
    if (at < SLOT && ((inst.clobbers >>> at) & 1) === 1) fail(`${at} is destroyed too early`);
  }
  const written = [...inst.tempAt, ...inst.defAt.filter((at) => at >= 0)];
  if (new Set(written).size !== written.length) fail('two results share a register');
  for (const at of inst.defAt) {
    if (late.has(at)) fail(`the result overwrites ${at}, which is read later`);
    if (at >= SLOT && !inst.anyDef) fail('the result is in memory');
    if (inst.earlyDef && at < SLOT && ((inst.clobbers >>> at) & 1) === 1) {
      fail(`the result is in ${at}, which is destroyed`);
    }
  }
}
