/** AssemblyScript's strings: put together, split, searched, and turned into numbers. */

/** Numbers in a line, and back. */
function roundTrip(factor: i32): i32 {
  let line = '';
  for (let i = 0; i < 200; i++) line += `${i * factor},`;
  const parts = line.split(',');
  let sum = line.indexOf('199') + parts.length + line.toUpperCase().length;
  for (let i = 0; i < parts.length - 1; i++) sum += <i32>parseInt(parts[i], 10);
  return sum + line.substring(10, 40).replaceAll(',', ';').charCodeAt(12);
}

/** `n` lines of 200 numbers. */
export function run(n: i32): i32 {
  let sum = 0;
  for (let q = 0; q < n; q++) {
    sum += roundTrip(q & 15);
    if ((q & 31) === 31) __collect();
  }
  __collect();
  return sum;
}
