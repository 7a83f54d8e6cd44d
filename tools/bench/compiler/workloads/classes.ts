/** Methods of classes that are called by their base's type. */

abstract class Shape {
  abstract area(): f64;
  abstract grow(factor: f64): void;
}

class Square extends Shape {
  side: f64;

  constructor(side: f64) {
    super();
    this.side = side;
  }

  area(): f64 {
    return this.side * this.side;
  }

  grow(factor: f64): void {
    this.side *= factor;
  }
}

class Circle extends Shape {
  radius: f64;

  constructor(radius: f64) {
    super();
    this.radius = radius;
  }

  area(): f64 {
    return this.radius * this.radius * Math.PI;
  }

  grow(factor: f64): void {
    this.radius *= factor;
  }
}

class Triangle extends Shape {
  base: f64;
  height: f64;

  constructor(base: f64, height: f64) {
    super();
    this.base = base;
    this.height = height;
  }

  area(): f64 {
    return this.base * this.height * 0.5;
  }

  grow(factor: f64): void {
    this.base *= factor;
    this.height *= factor;
  }
}

function makeShapes(): Shape[] {
  const shapes: Shape[] = [];
  let random: u32 = 1;
  for (let i = 0; i < 1000; i++) {
    random = random * 1664525 + 1013904223;
    const kind = (random >>> 20) % 3;
    if (kind === 0) shapes.push(new Square(i));
    else if (kind === 1) shapes.push(new Circle(i));
    else shapes.push(new Triangle(i, i + 1));
  }
  return shapes;
}

/** The area of a thousand shapes, `n` times ten times. */
export function run(n: i32): i32 {
  const shapes = makeShapes();
  let sum: f64 = 0;
  for (let q = 0; q < n * 10; q++) {
    for (let i = 0; i < shapes.length; i++) sum += shapes[i].area();
    shapes[q % shapes.length].grow(1.001);
  }
  __collect();
  const bits = reinterpret<i64>(sum);
  return <i32>(bits ^ (bits >> 32));
}
