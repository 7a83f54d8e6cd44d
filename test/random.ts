/** A stream of 32-bit numbers. Put `seed` into a failure's message: TACIT_SEED replays it. */
export interface Random {
  (): number;
  readonly seed: string;
}

/**
 * Random numbers for a test (xorshift128 of Marsaglia, seeded by splitmix32). The seed is new each
 * run, unless the environment's TACIT_SEED, or the caller, gives one.
 */
export function random(seed = chosenSeed()): Random {
  let mixed = seed >>> 0;
  const mix = () => {
    mixed = (mixed + 0x9e37_79b9) >>> 0;
    let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [mix(), mix(), mix(), mix() | 1];
  const next = () => {
    const t = a ^ (a << 11);
    [a, b, c] = [b, c, d];
    d = (d ^ (d >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return d;
  };
  return Object.assign(next, { seed: `TACIT_SEED=${seed}` });
}

/** The environment's TACIT_SEED, or a new one. */
export function chosenSeed(): number {
  const given = process.env.TACIT_SEED;
  return given === undefined ? Math.floor(Math.random() * 0x1_0000_0000) : Number(given);
}
