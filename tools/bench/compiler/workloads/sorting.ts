/** AssemblyScript's own sort of arrays with a comparison, and quicksort written out. */

function quicksort(array: Int32Array, first: i32, last: i32): void {
  let left = first;
  let right = last;
  const pivot = array[(first + last) >> 1];
  while (left <= right) {
    while (array[left] < pivot) left++;
    while (array[right] > pivot) right--;
    if (left <= right) {
      const other = array[left];
      array[left] = array[right];
      array[right] = other;
      left++;
      right--;
    }
  }
  if (first < right) quicksort(array, first, right);
  if (left < last) quicksort(array, left, last);
}

/** `n` times 3000 numbers by either. */
export function run(n: i32): i32 {
  let total = 0;
  let random: u32 = 7;
  const numbers = new Int32Array(3000);
  const floats = new Array<f64>(3000);
  for (let q = 0; q < n; q++) {
    for (let i = 0; i < numbers.length; i++) {
      random = random * 1664525 + 1013904223;
      numbers[i] = <i32>(random >>> 4);
      floats[i] = <f64>(random >>> 8);
    }
    quicksort(numbers, 0, numbers.length - 1);
    floats.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    total += numbers[1500] ^ <i32>floats[500];
  }
  __collect();
  return total;
}
