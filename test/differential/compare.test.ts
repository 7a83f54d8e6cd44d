import { describe, expect, it } from 'vitest';
import { checkRun } from './compare.ts';

const lines = ['"f"', '"g"', '"h"'];
const expected = {
  answers: ['i32:00000001', 'trap: integer overflow|invalid conversion to integer', 'f32:nan'],
  logs: ['i64:0000000000000002'],
  exitCode: 0,
} as const;
const right = {
  stdout: 'i32:00000001\ntrap: integer overflow\nf32:ffc00001\n',
  stderr: 'i64:0000000000000002\n',
  status: 0,
};

describe('the comparison with V8', () => {
  it('takes any NaN for a NaN, and either trap where V8 has one word for two', () => {
    expect(() => checkRun(lines, expected, right)).not.toThrow();
  });

  it.each([
    ['another result', { stdout: right.stdout.replace('00000001', '00000002') }],
    ['another trap', { stdout: right.stdout.replace('integer overflow', 'unreachable') }],
    ['a number for a NaN', { stdout: right.stdout.replace('ffc00001', 'ff800000') }],
    ['an answer less', { stdout: 'i32:00000001\ntrap: integer overflow\n' }],
    ['an answer more', { stdout: `${right.stdout}i32:00000001\n` }],
    ['another log', { stderr: 'i64:0000000000000003\n' }],
    ['a log less', { stderr: '' }],
    ['another exit code', { status: 70 }],
    ['a signal', { status: null }],
  ])('notices %s', (_, change) => {
    expect(() => checkRun(lines, expected, { ...right, ...change })).toThrow('V8 says');
  });

  it('expects 134 where instantiation traps', () => {
    const trapped = { answers: ['trap: unreachable'], logs: [], exitCode: 134 } as const;
    const run = { stdout: 'trap: unreachable\n', stderr: '', status: 134 };
    expect(() => checkRun(lines, trapped, run)).not.toThrow();
    expect(() => checkRun(lines, trapped, { ...run, status: 0 })).toThrow('exit code');
  });
});
