import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileRuntime } from '../../tools/compiler/linux/runtime.ts';
import type { WasmObject } from '../../tools/compiler/object.ts';
import { root } from '../../tools/root.ts';
import { INSTRUCTIONS, instructionsOf } from './opcodes.ts';
import { type Report, runScript } from './run.ts';

const folder = join(root, 'test/wast/core');

let runtime: WasmObject;
beforeAll(async () => {
  runtime = await compileRuntime();
});

const reports = new Map<string, Report>();

function reportOf(file: string): Report {
  const report = reports.get(file) ?? runScript(readFileSync(join(folder, file), 'utf8'), runtime);
  reports.set(file, report);
  return report;
}

describe('every assertion holds', () => {
  it.each(readdirSync(folder))('in %s', (file) => {
    const { passed, failures } = reportOf(file);
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThan(0);
  });

  it('and every instruction has one', () => {
    const asserted = readdirSync(folder).flatMap((file) => [...reportOf(file).asserted]);
    const tested = new Set(asserted.flatMap(([wasm, names]) => [...instructionsOf(wasm, names)]));
    expect([...INSTRUCTIONS].filter(([op]) => !tested.has(op)).map(([, name]) => name)).toEqual([]);
  });
});

describe.each(['x86-64-v2', 'x86-64-v3'] as const)('every assertion holds for %s', (cpu) => {
  const vectors = readdirSync(folder).filter((file) => file.startsWith('simd-'));

  it.skipIf(cpu === 'x86-64-v3' && !hasAvx2()).each(vectors)('in %s', (file) => {
    const { failures } = runScript(readFileSync(join(folder, file), 'utf8'), runtime, cpu);
    expect(failures).toEqual([]);
  });
});

function hasAvx2(): boolean {
  return /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
}

describe('the runner', () => {
  it('counts an assertion that does not hold', () => {
    const report = runScript(
      `(module (func (export "f") (result i32) (i32.const 1)))
       (assert_return (invoke "f") (i32.const 1))
       (assert_return (invoke "f") (i32.const 2))
       (assert_trap (invoke "f") "unreachable")
       (assert_invalid (module (func)) "nothing is wrong")`,
      runtime,
    );
    expect(report.passed).toBe(1);
    expect(report.failures.map((line) => line.split(':')[0]).sort()).toEqual([
      'line 3',
      'line 4',
      'line 5',
    ]);
  });
});
