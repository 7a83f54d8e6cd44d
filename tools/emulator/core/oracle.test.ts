import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Instruction } from '../../../spec/x86/instruction.ts';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';
import { type Case, CaseMaker } from '../../../test/oracle/cases.ts';
import {
  describeCase,
  differences,
  EmulatorRunner,
  runOnCpu,
} from '../../../test/oracle/compare.ts';
import { random } from '../../../test/random.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

/** Cases for each form; TACIT_ORACLE_CASES asks for more. */
const PER_FORM = Number(process.env.TACIT_ORACLE_CASES ?? 8);

/** What this machine's CPU has, by Linux's names. */
const cpuFeatures = new Set(
  /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' '),
);

/** The table's names of features where Linux has another. */
const LINUX_NAMES: Readonly<Record<string, string>> = {
  sse3: 'pni',
  'sse4.1': 'sse4_1',
  'sse4.2': 'sse4_2',
  lahf: 'lahf_lm',
  lzcnt: 'abm',
  clfsh: 'clflush',
  pclmulqdq: 'pclmulqdq',
  monitor: 'monitor',
};

function hasFeature(feature: string): boolean {
  return feature === '' || cpuFeatures.has(LINUX_NAMES[feature] ?? feature);
}

/** System instructions, and those that leave the program or depend on what only the kernel knows. */
const ELSEWHERE = new Set(
  `movFromSegment movToSegment pushSegment popSegment loadFar jmpFar callFar retFar iret int int1 into int3
   syscall sysenter sysret sysexit hlt cli sti in out ins outs rdrand rdseed rdpid lar lsl verr verw arpl
   fxsave fxrstor ldmxcsr stmxcsr xgetbv xsave xrstor xsaveopt xsavec rdpkru wrpkru rdfsbase rdgsbase
   wrfsbase wrgsbase monitorx mwaitx clzero serialize fwait fninit fnclex fldcw fnstcw fnstsw fldenv
   fnstenv frstor fnsave emms clac stac vmgexit pvalidate clflush clflushopt clwb cpuid`.split(
    /\s+/,
  ),
);

function isUserMode(row: Instruction): boolean {
  const { cpl0, host, intercept, effect } = row;
  return !cpl0 && !host && intercept === undefined && !ELSEWHERE.has(effect.name);
}

const usesXmm = (row: Instruction) => row.operands.some(({ file }) => file === 'xmm');
const integer = INSTRUCTIONS.filter((row) => isUserMode(row) && !usesXmm(row));
const vector = INSTRUCTIONS.filter((row) => isUserMode(row) && usesXmm(row));

/** Pushes and pops of flags pass the interceptable rows by; here nothing intercepts them. */
const flagRows = INSTRUCTIONS.filter(({ effect }) => /^(pushf|popf)$/.test(effect.name));

function inMode(row: Instruction, mode: 32 | 64): boolean {
  return mode === 64 ? row.modes.long64 : row.modes.protected32;
}

/** Runs cases for the rows on both; every difference, and the rows that the emulator lacks. */
function check(
  rows: readonly Instruction[],
  mode: 32 | 64,
): { wrong: string[]; missing: Set<string> } {
  const numbers = random();
  const maker = new CaseMaker(numbers);
  const usable = rows.filter((row) => inMode(row, mode) && hasFeature(row.feature));
  const cases: Case[] = usable.flatMap((row) =>
    Array.from({ length: PER_FORM }, () => maker.make(row, mode)),
  );
  const outcomes = runOnCpu(cases);
  const emulator = new EmulatorRunner();
  const wrong: string[] = [];
  const missing = new Set<string>();
  cases.forEach((one, i) => {
    const outcome = outcomes[i];
    const mine = emulator.run(one);
    if (typeof mine === 'string') missing.add(one.row.id);
    else if (outcome) {
      const found = differences(one, outcome, mine);
      if (found.length > 0) wrong.push(`${describeCase(one)}\n  ${found.join('\n  ')}`);
    }
  });
  if (wrong.length > 0) wrong.unshift(`${wrong.length} of ${cases.length} differ; ${numbers.seed}`);
  return { wrong: wrong.slice(0, 8), missing };
}

/** Text comparisons, which end a run by their name. */
const _NOT_BUILT = /^pcmp[ei]str[im]$/;

const absent = [...integer, ...vector].filter((row) => !hasFeature(row.feature));
const skipped = [...new Set(absent.map(({ feature }) => feature))].join(', ') || 'nothing';

describe(`the emulator against this machine's CPU (which lacks: ${skipped})`, () => {
  const isLinux = process.platform === 'linux' && process.arch === 'x64';

  it.skipIf(!isLinux).each([64, 32] as const)(
    'agrees on every integer instruction, %i bits',
    (mode) => {
      const { wrong, missing } = check([...integer, ...flagRows], mode);
      expect(wrong).toEqual([]);
      expect([...missing]).toEqual([]);
    },
  );

  it.skipIf(!isLinux)('agrees on SSE up to SSE4.2, AES and carry-less multiplication', () => {
    // Reciprocal approximations differ from one CPU to another: core.test.ts has their bounds.
    const rows = vector.filter(({ effect }) => !/^(rsqrt|rcp)[ps]s$/.test(effect.name));
    const { wrong, missing } = check(rows, 64);
    expect(wrong).toEqual([]);
    expect([...missing]).toEqual([]);
  });
});
