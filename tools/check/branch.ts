import type { Instruction } from './instruction.ts';
import { below, type Comparison, fits, type State } from './state.ts';
import { constantOf, type Numeric, type Value } from './value.ts';

/** Condition codes: below, above or equal, equal, not equal, below or equal, above. */
export const [B, AE, E, NE, BE, A] = [2, 3, 4, 5, 6, 7] as const;

/**
 * Adds to a state what holds where a conditional jump was taken, or (`taken` false) was not. The bounds
 * that follow are added to `stops`.
 */
export function assume(
  state: State,
  instruction: Instruction,
  taken: boolean,
  stops: Set<number>,
): void {
  const { comparison } = state;
  if (!comparison) return;
  const { condition } = instruction.row.effect;
  const holds = taken ? condition : condition ^ 1;
  if (holds === E && comparison.ifEqual) state.addFact(...comparison.ifEqual);
  if (holds === NE && comparison.ifNotEqual) state.refine(comparison.ifNotEqual);
  if (comparison.isOfEquality && holds !== E && holds !== NE) return;
  const { left, right, width } = comparison;
  if (left.kind !== 'number' || right.kind !== 'number') return;
  // The comparison saw `width` bits: it tells of the whole number only if there are no more.
  const limit = width >= 64 ? Infinity : 2 ** width - 1;
  if (left.most > limit || right.most > limit) return;
  noteRelation(state, comparison, holds);
  const cap = (value: Numeric, most: number) => {
    if (most < 0) return;
    stops.add(most);
    if (most < value.most) state.refine({ ...value, most });
    for (const [sum, more] of state.sumsWith(value.id)) {
      stops.add(most + more);
      if (most + more < sum.most) state.refine({ ...sum, most: most + more });
    }
  };
  switch (holds) {
    case B:
      cap(left, right.most - 1);
      break;
    case BE:
      cap(left, right.most);
      break;
    case A:
      cap(right, left.most - 1);
      raise(state, left, right.least + 1);
      break;
    case AE:
      cap(right, left.most);
      raise(state, left, right.least);
      break;
    case E:
      cap(left, right.most);
      cap(right, left.most);
      // Where nothing is left of a shift to the right, there were no bits above.
      if (left.term?.op === 'shr' && right.most === 0) {
        cap(left.term.of, 2 ** left.term.by - 1);
      }
      break;
    case NE:
      if (constantOf(right) === 0) raise(state, left, 1);
      break;
    default:
  }
}

/** What was compared with a u32 of the program's data: an index with a size, or a range's end. */
function noteRelation(state: State, { left, right }: Comparison, holds: number): void {
  const at = sizeAt(right);
  if (at === undefined || left.kind !== 'number') return;
  if (holds === B) state.addFact(below(left.id, at), at);
  if (holds !== BE || left.term?.op !== 'sum') return;
  const { a, b } = left.term;
  if (a.kind !== 'number' || b.kind !== 'number') return;
  // Above that the sum may have wrapped.
  if (a.most + b.most <= Number.MAX_SAFE_INTEGER) state.addFact(fits(a.id, b.id, at), at);
}

function sizeAt(value: Value): number | undefined {
  if (value.kind !== 'number' || value.term?.op !== 'load' || value.term.size !== 4)
    return undefined;
  return value.term.at;
}

function raise(state: State, value: Numeric, least: number): void {
  if (least > value.least && least <= value.most) state.refine({ ...value, least });
}
