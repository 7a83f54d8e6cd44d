/** Anderson and Rettig's fannkuch: flips of pancakes over all permutations of nine. */

const SIZE = 9;
const permutation = memory.data(64, 16);
const flipped = memory.data(64, 16);
const counts = memory.data(64, 16);

function get(array: usize, i: i32): i32 {
  return load<i32>(array + (i << 2));
}

function set(array: usize, i: i32, value: i32): void {
  store<i32>(array + (i << 2), value);
}

function countFlips(): i32 {
  for (let i = 0; i < SIZE; i++) set(flipped, i, get(permutation, i));
  let flips = 0;
  for (let first = get(flipped, 0); first !== 0; first = get(flipped, 0)) {
    for (let i = 0, j = first; i < j; i++, j--) {
      const other = get(flipped, i);
      set(flipped, i, get(flipped, j));
      set(flipped, j, other);
    }
    flips++;
  }
  return flips;
}

/** The next permutation by rotating ever longer beginnings; false after the last one. */
function advance(): bool {
  for (let r = 1; r < SIZE; r++) {
    const first = get(permutation, 0);
    for (let i = 0; i < r; i++) set(permutation, i, get(permutation, i + 1));
    set(permutation, r, first);
    const left = get(counts, r) - 1;
    set(counts, r, left);
    if (left > 0) return true;
    set(counts, r, r + 1);
  }
  return false;
}

/** Goes through all permutations `n` times. */
export function run(n: i32): i32 {
  let checksum = 0;
  let most = 0;
  for (let q = 0; q < n; q++) {
    for (let i = 0; i < SIZE; i++) {
      set(permutation, i, i);
      set(counts, i, i + 1);
    }
    let sign = 1;
    do {
      const flips = countFlips();
      if (flips > most) most = flips;
      checksum += sign * flips;
      sign = -sign;
    } while (advance());
  }
  return checksum * 64 + most;
}
