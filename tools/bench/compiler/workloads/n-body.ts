/** The five large bodies of the solar system, by a symplectic integrator. */

const SOLAR_MASS = 39.47841760435743;
const DAYS = 365.24;
const STEP = 0.01;

class Body {
  x: f64;
  y: f64;
  z: f64;
  vx: f64;
  vy: f64;
  vz: f64;
  mass: f64;

  constructor(x: f64, y: f64, z: f64, vx: f64, vy: f64, vz: f64, mass: f64) {
    this.x = x;
    this.y = y;
    this.z = z;
    this.vx = vx * DAYS;
    this.vy = vy * DAYS;
    this.vz = vz * DAYS;
    this.mass = mass * SOLAR_MASS;
  }
}

// biome-ignore format: position, velocity, mass
function makeBodies(): StaticArray<Body> {
  return [
    new Body(0, 0, 0, 0, 0, 0, 1),
    new Body(4.8414314424647209, -1.16032004402742839, -0.103622044471123109,
      0.00166007664274403694, 0.00769901118419740425, -0.0000690460016972063023, 0.000954791938424326609),
    new Body(8.34336671824457987, 4.12479856412430479, -0.403523417114321381,
      -0.00276742510726411719, 0.00499852801234917238, 0.0000230417297573763929, 0.000285885980666130812),
    new Body(12.894369562139131, -15.1111514016986312, -0.223307578892655734,
      0.00296460137564761618, 0.00237847173959480950, -0.0000296589568540237556, 0.0000436624404335156298),
    new Body(15.3796971148509165, -25.9193146099879641, 0.179258772950371181,
      0.00268067772490389322, 0.00162824170038242295, -0.0000951592254519715870, 0.0000515138902046611451),
  ];
}

function advance(bodies: StaticArray<Body>): void {
  for (let i = 0; i < bodies.length; i++) {
    const a = unchecked(bodies[i]);
    for (let j = i + 1; j < bodies.length; j++) {
      const b = unchecked(bodies[j]);
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      const dz = a.z - b.z;
      const squared = dx * dx + dy * dy + dz * dz;
      const magnitude = STEP / (squared * Math.sqrt(squared));
      a.vx -= dx * b.mass * magnitude;
      a.vy -= dy * b.mass * magnitude;
      a.vz -= dz * b.mass * magnitude;
      b.vx += dx * a.mass * magnitude;
      b.vy += dy * a.mass * magnitude;
      b.vz += dz * a.mass * magnitude;
    }
    a.x += STEP * a.vx;
    a.y += STEP * a.vy;
    a.z += STEP * a.vz;
  }
}

/** `n` thousand steps; a hash of where the sun then is. */
export function run(n: i32): i32 {
  const bodies = makeBodies();
  for (let i = 0; i < n * 1000; i++) advance(bodies);
  const sun = reinterpret<i64>(bodies[0].x);
  __collect();
  return <i32>(sun ^ (sun >> 32));
}
