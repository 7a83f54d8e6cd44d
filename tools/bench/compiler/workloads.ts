import { assembleModule } from '../../compiler/assemblyscript.ts';

/** A program that engines are timed on: its module exports `run(n: i32) -> i32`, a checksum. */
export interface Workload {
  /** Its source is `workloads/NAME.ts`. */
  readonly name: string;
  /** What `run` is given for some 50 ms of work. */
  readonly n: number;
  /** Whether it uses SIMD, which wasm2c does not take. */
  readonly isSimd: boolean;
}

const scalar = (name: string, n: number): Workload => ({ name, n, isSimd: false });
const simd = (name: string, n: number): Workload => ({ name, n, isSimd: true });

export const WORKLOADS: readonly Workload[] = [
  scalar('sha256', 2000),
  scalar('aes-tables', 700),
  scalar('checksum', 1000),
  scalar('bulk-memory', 4000),
  scalar('sieve', 60),
  scalar('fannkuch', 2),
  scalar('n-body', 600),
  scalar('recursion', 100),
  scalar('indirect-calls', 300),
  scalar('interpreter', 250),
  scalar('big-integers', 250),
  scalar('list-matrix-state', 300),
  scalar('classes', 2000),
  scalar('trees', 80),
  scalar('sorting', 80),
  scalar('maps', 300),
  scalar('strings', 500),
  scalar('matrices', 120),
  simd('simd-matrix', 1000),
  simd('simd-blend', 3000),
  simd('simd-chacha20', 500),
];

/**
 * Where static data begins: for the kernel's form, whose memory is the address space itself, Linux must
 * map something there (vm.mmap_min_addr).
 */
export const STATIC_DATA = 0x1_0000;

/** As programs are compiled in this repository, at full optimization, with names for a disassembly. */
const FLAGS = ['--runtime', 'minimal', '--memoryBase', String(STATIC_DATA), '--debug'];

/** The module that all engines are given. */
export async function assembleWorkload({ name, isSimd }: Workload): Promise<Uint8Array> {
  const flags = [...FLAGS, ...(isSimd ? ['--enable', 'simd'] : [])];
  return (await assembleModule(`tools/bench/compiler/workloads/${name}.ts`, { flags })).wasm;
}
