/** Eratosthenes' sieve with a byte for each number. */

const LIMIT: usize = 500_000;
const composite = memory.data(500_000);

function sieve(): i32 {
  memory.fill(composite, 0, LIMIT);
  for (let i: usize = 2; i * i < LIMIT; i++) {
    if (load<u8>(composite + i)) continue;
    for (let j = i * i; j < LIMIT; j += i) store<u8>(composite + j, 1);
  }
  let primes = 0;
  for (let i: usize = 2; i < LIMIT; i++) if (!load<u8>(composite + i)) primes++;
  return primes;
}

/** Counts the primes below half a million `n` times. */
export function run(n: i32): i32 {
  let total = 0;
  for (let q = 0; q < n; q++) total += sieve();
  return total;
}
