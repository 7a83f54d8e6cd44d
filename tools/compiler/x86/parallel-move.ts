/** One of several moves that happen at once; a negative `from` is a constant. */
export interface LocationMove {
  readonly to: number;
  readonly from: number;
}

/**
 * Orders moves that happen at once so that no source is overwritten before it is read. `move` is
 * called for each in turn; a cycle is broken by moving one of its sources to `scratch(source)`
 * first. Constants come last, when nothing needs the old contents any more.
 */
export function orderMoves(
  moves: readonly LocationMove[],
  move: (to: number, from: number) => void,
  scratch: (location: number) => number,
): void {
  const sources = new Map<number, number>();
  let pending: { to: number; from: number }[] = [];
  const constants: LocationMove[] = [];
  for (const { to, from } of moves) {
    if (from < 0) {
      constants.push({ to, from });
    } else if (to !== from) {
      pending.push({ to, from });
      sources.set(from, (sources.get(from) ?? 0) + 1);
    }
  }
  while (pending.length > 0) {
    const blocked = pending.filter((each) => {
      if ((sources.get(each.to) ?? 0) > 0) return true;
      move(each.to, each.from);
      sources.set(each.from, (sources.get(each.from) as number) - 1);
      return false;
    });
    if (blocked.length === pending.length) breakCycle(blocked, sources, move, scratch);
    pending = blocked;
  }
  for (const { to, from } of constants) move(to, from);
}

function breakCycle(
  blocked: { to: number; from: number }[],
  sources: Map<number, number>,
  move: (to: number, from: number) => void,
  scratch: (location: number) => number,
): void {
  const source = (blocked[0] as { from: number }).from;
  const place = scratch(source);
  move(place, source);
  let users = 0;
  for (const each of blocked) {
    if (each.from !== source) continue;
    each.from = place;
    users++;
  }
  sources.set(source, 0);
  sources.set(place, users);
}
