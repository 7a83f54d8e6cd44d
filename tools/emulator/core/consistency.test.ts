import { beforeAll, describe, expect, it } from 'vitest';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';
import { longModeProgram, PLACE, type Program } from '../../../test/core-program.ts';
import { CaseMaker } from '../../../test/oracle/cases.ts';
import { WINDOW } from '../../../test/oracle/record.ts';
import { random } from '../../../test/random.ts';
import { Assembler } from '../../compiler/x86/assembler.ts';
import { EXIT_LIMIT } from '../core.ts';
import { GENERAL_REGISTERS } from '../registers.ts';
import { buildCore } from './build.ts';

beforeAll(buildCore);

const PROGRAMS = Number(process.env.TACIT_CONSISTENCY_PROGRAMS ?? 60);
const LENGTH = 40;
const LIMIT = 600;

/** Instructions that go on to the next one and need no state of their own. */
const straight = INSTRUCTIONS.filter(
  ({ modes, cpl0, host, intercept, operands, effect, feature }) => {
    const plain = modes.long64 && !cpl0 && !host && intercept === undefined && feature === '';
    const general = operands.every(
      ({ file, kind }) => file === 'gpr' || kind === 'memory' || kind === 'immediate',
    );
    return (
      plain &&
      general &&
      !/^(j|call|ret|loop|int|ud|enter|leave|popf|iret|div|idiv)/.test(effect.name)
    );
  },
);

/** A random program of many instructions, some of which jump back, that crosses into a second page. */
function randomCode(maker: CaseMaker): Uint8Array {
  const parts: number[] = [];
  for (let i = 0; i < LENGTH; i++) {
    const row = straight[maker.below(straight.length)];
    if (!row) continue;
    const { code, state, needs } = maker.make(row, 64);
    for (const register of needs) {
      const asm = new Assembler(64);
      asm.op('mov r64, imm64', register, BigInt.asUintN(64, state.registers[register] ?? 0n));
      parts.push(...asm.finish());
    }
    const end = code.length - 1;
    let size = end;
    while (size > 0 && code[size] === 0x90) size--;
    parts.push(...code.slice(0, size + 1));
    if (maker.below(6) === 0)
      parts.push(0x70 + maker.below(16), maker.below(2) ? 0x02 : 0x100 - maker.below(60));
  }
  return Uint8Array.from(parts);
}

function start(code: Uint8Array, at: number, seed: bigint): Program {
  const program = longModeProgram(() => {});
  const { core } = program;
  core.write(at, code, 0);
  core.state.rip = BigInt(at);
  core.control.intercept2 = 0xffff_ffff;
  let word = seed;
  const names = [
    'rax',
    'rcx',
    'rdx',
    'rbx',
    'rbp',
    'rsi',
    'rdi',
    'r8',
    'r9',
    'r10',
    'r15',
  ] as const;
  for (const name of names) {
    word = BigInt.asUintN(64, word * 6364136223846793005n + 1442695040888963407n);
    // Half of them point into memory that is there.
    core.state[name] = word & 1n ? BigInt(WINDOW) + (word >> 52n) : word;
  }
  return program;
}

/** Everything that a guest could tell. */
function fingerprint({ core }: Program, exit: number): string {
  const { state, control } = core;
  const registers = GENERAL_REGISTERS.map((name) => state[name]);
  return [
    exit,
    control.exitInfo1,
    control.exitInfo2,
    state.rip,
    state.rflags,
    state.instructions,
    registers,
    Buffer.from(core.read(PLACE.code, 0x2000, 0)).toString('base64'),
    Buffer.from(core.read(WINDOW, 0x2000, 0)).toString('base64'),
  ].join('\n');
}

describe('the core', () => {
  it('comes to the same state whether it runs in blocks, one by one, or in uneven parts', () => {
    const numbers = random();
    const maker = new CaseMaker(numbers);
    for (let n = 0; n < PROGRAMS; n++) {
      const code = randomCode(maker);
      const at = PLACE.code + 0x1000 - maker.below(120);
      const seed = maker.word();
      const outcomes = [LIMIT, 1, 1 + maker.below(90)].map((part) => {
        const program = start(code, at, seed);
        let exit = EXIT_LIMIT;
        for (let left = LIMIT; left > 0 && exit === EXIT_LIMIT; left -= part) {
          exit = program.run(Math.min(part, left));
        }
        return fingerprint(program, exit);
      });
      expect(outcomes[1], numbers.seed).toBe(outcomes[0]);
      expect(outcomes[2], numbers.seed).toBe(outcomes[0]);
    }
  });

  it('takes whatever bytes there are, in either mode, without failing itself', () => {
    const numbers = random();
    const program = longModeProgram(() => {});
    const { core } = program;
    core.control.intercept2 = 0xffff_ffff;
    for (let n = 0; n < PROGRAMS * 20; n++) {
      const bytes = Uint8Array.from({ length: 48 }, () => numbers() & 0xff);
      if (n & 1) bytes[0] = 0x0f;
      core.write(PLACE.code, bytes, 0);
      core.state.rip = BigInt(PLACE.code);
      core.state.rsp = BigInt(PLACE.stack);
      core.state.cs.attributes = n & 2 ? 0xa9b : 0xc9b;
      core.state.cr0 = 0x8001_0031n;
      core.state.efer = 0xd01n;
      core.state.cr4 = 0x620n;
      core.state.cr3 = BigInt(PLACE.pml4);
      core.state.mxcsr = 0x1f80;
      core.control.exitInfo1 = 0n;
      expect(
        () => core.run(40),
        `${numbers.seed}: ${Buffer.from(bytes).toString('hex')}`,
      ).not.toThrow();
    }
  });
});
