/**
 * Lists that V8 holds in one way only. To it `[]` is a list of small numbers, and what `map` gives may have
 * holes once V8 has compiled the call. Code that comes upon another kind of list than it was compiled for is
 * thrown away and compiled again: that was a third of V8's work on a module of a megabyte.
 */

/** An empty list for objects. */
export function emptyList<T>(): T[] {
  const list: unknown[] = [{}];
  list.length = 0;
  return list as T[];
}

/** `list.map(map)`, for objects. */
export function mapList<T, U>(list: readonly T[], map: (item: T, index: number) => U): U[] {
  const result: U[] = [];
  for (let i = 0; i < list.length; i++) result.push(map(list[i] as T, i));
  return result;
}

/** As {@link mapList}, for small numbers. Not the same function: V8 makes one kind of list in one place. */
export function mapNumbers<T>(
  list: readonly T[],
  map: (item: T, index: number) => number,
): number[] {
  const result: number[] = [];
  for (let i = 0; i < list.length; i++) result.push(map(list[i] as T, i));
  return result;
}
