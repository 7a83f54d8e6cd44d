/** Calls and returns: Fibonacci's numbers and Takeuchi's function. */

function fibonacci(n: i32): i32 {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

function takeuchi(x: i32, y: i32, z: i32): i32 {
  if (y >= x) return z;
  return takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

/** Both, `n` times. */
export function run(n: i32): i32 {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += fibonacci(24 + (i & 1)) + takeuchi(14, 9 + (i & 1), 4);
  return sum;
}
