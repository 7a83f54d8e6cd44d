import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { root } from '../../root.ts';
import { compileSpeed } from './compile-speed.ts';
import { base0, baseRegister, type C, findC, GCC_FLAGS, v8, wasm2c } from './engines.ts';
import { measure, type Row } from './measure.ts';
import { summary, workloadTable } from './report.ts';
import { WORKLOADS } from './workloads.ts';

const REPEATS = { starts: 5, rounds: 4 };

/** `make bench-compiler`: how fast the compiler's code is beside V8's and gcc's; arguments name workloads. */
async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !WORKLOADS.some((workload) => workload.name === name));
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(' ')}`);
  const c = findC();
  console.log(machine(c));
  const engines = {
    v8: v8(join(root, 'build/tools/bench-v8.mjs')),
    baseRegister: await baseRegister(),
    base0,
    wasm2c: wasm2c(c),
  };
  const rows: Row[] = [];
  for (const workload of WORKLOADS) {
    if (names.length > 0 && !names.includes(workload.name)) continue;
    const row = await measure(workload, engines, REPEATS, join(root, 'build/bench/compiler'));
    rows.push(row);
    // The tables come at the end, minutes later on a machine that has other things to do.
    console.error(`${workload.name}: ${row.ratio('baseRegister', 'v8')?.toFixed(2)} of V8's time`);
  }
  console.log(`\n${workloadTable(rows)}\n\n${summary(rows)}`);
  if (names.length === 0) console.log(`\n${compileSpeed(join(root, 'build/bench/compiler'))}`);
}

function machine(c: C): string {
  const versions = [
    `Node ${process.versions.node}, V8 ${process.versions.v8} (--no-liftoff --no-wasm-tier-up)`,
    'missing' in c
      ? `wasm2c: not measured, ${c.missing} is not installed`
      : `wasm2c ${version(c.wasm2c, '--version')}, gcc ${version(c.gcc, '-dumpfullversion')} ${GCC_FLAGS.join(' ')}`,
    'ours: --cpu x86-64-v3; base register as in a compartment, base 0 as in the kernel',
    `medians of ${REPEATS.starts} x ${REPEATS.rounds} paired rounds, processor time`,
  ];
  return [`${cpus()[0]?.model}, Linux ${release()}`, ...versions].join('\n');
}

function version(program: string, option: string): string {
  return execFileSync(program, [option], { encoding: 'utf8' }).trim();
}

await main(process.argv.slice(2));
