import { Reader } from './reader.ts';

const FUNCTION_NAMES = 1;

/**
 * Function names from the contents of a `name` section (Wasm 2.0 §7.4.1). A section that is
 * damaged names as many functions as could be read: it can not make the module malformed.
 */
export function readFunctionNames(contents: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  const r = new Reader(contents);
  try {
    while (r.offset < r.end) {
      const id = r.byte();
      const section = new Reader(r.take(r.u32()));
      if (id !== FUNCTION_NAMES) continue;
      for (let n = section.count(); n > 0; n--) names.set(section.u32(), section.name());
    }
  } catch {
    return names;
  }
  return names;
}

/**
 * A unique, printable name for each of `count` functions: that of the name section, or `f` and the
 * index. A name that two functions share, or that `isReserved`, gets the index added.
 */
export function uniqueNames(
  count: number,
  names: ReadonlyMap<number, string>,
  isReserved: (name: string) => boolean,
): string[] {
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, index) => {
    const given = names.get(index)?.replace(/[^\x21-\x7e]/g, '_');
    let name = given || `f${index}`;
    while (taken.has(name) || isReserved(name)) name = `${name}#${index}`;
    taken.add(name);
    return name;
  });
}
