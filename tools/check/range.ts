/** Numbers from `least` to `most`, of which each is `least` and a multiple of `step`. */
export interface Range {
  readonly least: number;
  readonly most: number;
  /** 0 for one number alone. */
  readonly step: number;
}

const TOP = 0xffff_ffff;

/** Whatever a register of 32 bits may hold. */
export const ANY: Range = { least: 0, most: TOP, step: 1 };

/** One number. Those of 64 bits are signed. */
export const constant = (value: number): Range => ({ least: value, most: value, step: 0 });

export const isConstant = ({ least, most }: Range): boolean => least === most;

/** Every number moved by a distance; {@link ANY} if one of them would leave 32 bits. */
export function moved({ least, most, step }: Range, by: number): Range {
  if (least + by < 0 || most + by > TOP) return ANY;
  return { least: least + by, most: most + by, step };
}

/** No number above a bound. */
export function capped({ least, most, step }: Range, bound: number): Range {
  if (bound >= most || bound < least) return { least, most, step };
  const last = step === 0 ? least : least + Math.floor((bound - least) / step) * step;
  return last === least ? constant(least) : { least, most: last, step };
}

/** What either may be. A bound that moves goes to the next of `stops` at once, if there are any. */
export function hull(a: Range, b: Range, stops: readonly number[] | undefined): Range {
  const step = greatestDivisor(greatestDivisor(a.step, b.step), Math.abs(a.least - b.least));
  let least = Math.min(a.least, b.least);
  let most = Math.max(a.most, b.most);
  if (stops && least < a.least) least = 0;
  if (stops && most > a.most) most = stops.find((stop) => stop >= most) ?? TOP;
  if (least === a.least && most === a.most && step === a.step) return a;
  if (least === most) return constant(least);
  const isExact = step > 0 && (least - a.least) % step === 0;
  return { least, most, step: isExact ? step : 1 };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
