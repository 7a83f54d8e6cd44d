/** AssemblyScript's hash maps: filled, asked and emptied, by numbers and by strings. */

// Held by the module: what only a local holds, a collection takes.
const names: string[] = [];
const counts = new Map<string, i32>();

function countSquares(): i32 {
  let sum = 0;
  const squares = new Map<i32, i32>();
  for (let i = 0; i < 3000; i++) squares.set(i * 7919, i * i);
  for (let i = 0; i < 6000; i++) if (squares.has(i * 7919)) sum += squares.get(i * 7919);
  for (let i = 0; i < 3000; i += 2) squares.delete(i * 7919);
  return sum + squares.size;
}

function countNames(): void {
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    counts.set(name, counts.has(name) ? counts.get(name) + 1 : 1);
  }
}

/** `n` rounds. */
export function run(n: i32): i32 {
  let sum = 0;
  for (let i = names.length; i < 500; i++) names.push(`word ${i * 7}`);
  for (let q = 0; q < n; q++) {
    sum += countSquares();
    countNames();
    __collect();
  }
  return sum + counts.get('word 70');
}
