/** Products of matrices of floats, with the bounds checks of AssemblyScript's arrays. */

const SIDE = 64;

class Matrix {
  values: Float64Array = new Float64Array(SIDE * SIDE);

  get(row: i32, column: i32): f64 {
    return this.values[row * SIDE + column];
  }

  set(row: i32, column: i32, value: f64): void {
    this.values[row * SIDE + column] = value;
  }
}

function multiply(a: Matrix, b: Matrix, product: Matrix): void {
  for (let i = 0; i < SIDE; i++) {
    for (let j = 0; j < SIDE; j++) {
      let sum: f64 = 0;
      for (let k = 0; k < SIDE; k++) sum += a.get(i, k) * b.get(k, j);
      product.set(i, j, sum);
    }
  }
}

/** `n` products. */
export function run(n: i32): i32 {
  const a = new Matrix();
  const b = new Matrix();
  const product = new Matrix();
  for (let i = 0; i < SIDE * SIDE; i++) {
    a.values[i] = <f64>(i % 7) / 8;
    b.values[i] = <f64>(i % 5) / 4;
  }
  let sum: f64 = 0;
  for (let q = 0; q < n; q++) {
    a.set(q % SIDE, 3, <f64>q);
    multiply(a, b, product);
    sum += product.get(q % SIDE, 5);
  }
  __collect();
  const bits = reinterpret<i64>(sum);
  return <i32>(bits ^ (bits >> 32));
}
