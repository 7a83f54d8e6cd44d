/** Calls through the table, whose target changes from call to call. */

function increment(x: i32): i32 {
  return x + 1;
}
function triple(x: i32): i32 {
  return x * 3;
}
function toggle(x: i32): i32 {
  return x ^ 0x55;
}
function decrease(x: i32): i32 {
  return x - 7;
}
function halve(x: i32): i32 {
  return x >> 1;
}

const SIZE = 64;
const operations = memory.data(SIZE * 4, 16);

/** `n` thousand times 64 calls. */
export function run(n: i32): i32 {
  let random: u32 = 1;
  for (let i = 0; i < SIZE; i++) {
    random = random * 1664525 + 1013904223;
    let f = increment.index;
    switch (random >>> 29) {
      case 1:
        f = triple.index;
        break;
      case 2:
      case 3:
        f = toggle.index;
        break;
      case 4:
      case 5:
        f = decrease.index;
        break;
      case 6:
        f = halve.index;
        break;
      default:
    }
    store<u32>(operations + (i << 2), f);
  }
  let x = 1;
  for (let q = 0; q < n * 1000; q++) {
    for (let i = 0; i < SIZE; i++) x = call_indirect<i32>(load<u32>(operations + (i << 2)), x);
  }
  return x;
}
