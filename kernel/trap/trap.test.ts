import { beforeAll, describe, expect, it } from 'vitest';
import { FunctionEntry, LineEntry, TrapSite } from '../../spec/abi/handoff.ts';
import * as TrapReason from '../../spec/abi/trap-reason.ts';
import * as Cpu from '../../spec/cpu.ts';
import { BareMachine, LEFT, type Mode, PLACES } from '../../test/kernel/machine.ts';
import { TOP } from '../../test/kernel/memory.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { panicked } from '../../test/kernel/run.ts';

/** A kernel's function, one that it calls, and one of the program's, in the text. */
const MAIN = PLACES.text + 0x400;
const DEEP = PLACES.text + 0x440;
const PACK = PLACES.text + 0x480;
const TABLES = PLACES.text + 0x800;
const STACK = PLACES.kernelMemory - 0x200;

const STRINGS = 'kernel!main\0kernel!deep\0luggage!pack\0kernel/main.ts\0luggage.ts\0';
const offset = (text: string) => STRINGS.indexOf(text);

function prepare(machine: BareMachine): void {
  const functions = [
    { start: MAIN, end: MAIN + 0x40, frameSize: 0x18, name: offset('kernel!main') },
    { start: DEEP, end: DEEP + 0x40, frameSize: 0x28, name: offset('kernel!deep') },
    { start: PACK, end: PACK + 0x40, frameSize: 0x08, name: offset('luggage!pack') },
  ];
  const lines = [
    { place: MAIN, line: 10, file: 0 },
    { place: MAIN + 0x20, line: 11, file: 0 },
    { place: DEEP, line: 70, file: 0 },
    { place: PACK + 4, line: 33, file: 1 },
  ];
  const traps = [
    // Where the machine of these tests says that any `unreachable` is.
    { place: PLACES.text, reason: TrapReason.UNREACHABLE },
    { place: DEEP + 8, reason: TrapReason.INTEGER_DIVIDE_BY_ZERO },
    { place: PACK + 8, reason: TrapReason.INTEGER_OVERFLOW },
  ];
  const [f, l, t, s, files] = [0, 0x100, 0x200, 0x300, 0x400].map((at) => TABLES + at) as [
    number,
    number,
    number,
    number,
    number,
  ];
  for (const [i, e] of functions.entries())
    Object.assign(machine.view(FunctionEntry, f + i * 16), e);
  for (const [i, e] of lines.entries()) Object.assign(machine.view(LineEntry, l + i * 8), e);
  for (const [i, e] of traps.entries()) Object.assign(machine.view(TrapSite, t + i * 8), e);
  const page = machine.memory.page(BigInt(TABLES));
  page.set(Buffer.from(STRINGS), s % 4096);
  const names = new DataView(page.buffer, page.byteOffset + (files % 4096));
  names.setUint32(0, offset('kernel/main.ts'), true);
  names.setUint32(4, offset('luggage.ts'), true);
  Object.assign(machine.info, {
    functions: TOP + BigInt(f),
    functionCount: functions.length,
    lines: TOP + BigInt(l),
    lineCount: lines.length,
    traps: TOP + BigInt(t),
    trapCount: traps.length,
    strings: TOP + BigInt(s),
    files: TOP + BigInt(files),
    fileCount: 2,
  });
}

/** A stack on which `deep` was called from the second line of `main`. */
function pushFrames(machine: BareMachine): bigint {
  const rsp = BigInt(STACK);
  machine.memory.write64(rsp + 0x28n, TOP + BigInt(MAIN + 0x24));
  machine.memory.write64(rsp + 0x28n + 8n + 0x18n, TOP + BigInt(PLACES.info));
  return TOP + rsp;
}

describe('a trap', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** Runs up to the program, which takes vector `vector` with `fields`. */
  const takes = (
    vector: number,
    fields: (machine: BareMachine) => Parameters<BareMachine['trap']>[1],
    mode: Mode = 'none',
  ) => {
    const program = (machine: BareMachine) => {
      machine.console = '';
      machine.trap(vector, fields(machine));
    };
    const machine = new BareMachine(module, { mode, prepare, program });
    return { end: machine.run(), console: machine.console };
  };

  it.each(['none', 'sev-es', 'snp'] as const)(
    'of the kernel’s code names reason, place and callers (mode %s)',
    (mode) => {
      const { end, console } = takes(
        Cpu.VECTOR_UD,
        (machine) => ({ rip: TOP + BigInt(DEEP + 8), rsp: pushFrames(machine) }),
        mode,
      );
      expect(end).toEqual(panicked('KERNEL_TRAP'));
      expect(console.split('\n').slice(0, 3)).toEqual([
        'panic 716: integer divide by zero at kernel/main.ts:70',
        '  at kernel!deep kernel/main.ts:70',
        '  at kernel!main kernel/main.ts:11',
      ]);
    },
  );

  it('in a function’s first instructions is on its first line', () => {
    const { console } = takes(Cpu.VECTOR_GP, () => ({ rip: TOP + BigInt(PACK) }));
    expect(console).toContain('panic 710: exception at luggage.ts:33\n');
  });

  it('of the program’s code is the program’s', () => {
    const { end, console } = takes(Cpu.VECTOR_UD, () => ({ rip: TOP + BigInt(PACK + 8) }));
    expect(end).toEqual(panicked('PROGRAM_TRAP'));
    expect(console).toContain('panic 717: integer overflow at luggage.ts:33\n');
  });

  it('of the program’s code ends the program alone: the kernel goes on where it entered it', () => {
    let frame: { rip: bigint; rsp: bigint; rflags: bigint } | undefined;
    const program = (machine: BareMachine, stackTop: bigint) => {
      // As `enter` does.
      machine.memory.write64(machine.memory.translate(stackTop - 8n)?.gpa ?? 0n, 0x1234_5670n);
      const { rip, rsp, rflags } = machine.trap(Cpu.VECTOR_UD, {
        rip: TOP + BigInt(PACK + 8),
        rflags: BigInt(Cpu.RFLAGS_DF | 2),
      });
      frame = { rip, rsp, rflags };
    };
    const machine = new BareMachine(module, { mode: 'snp', prepare, program });
    expect(machine.run()).toEqual(panicked('PROGRAM_TRAP'));
    expect(frame).toEqual({ rip: LEFT, rsp: 0x1234_5670n, rflags: 2n });
  });

  it('in a prologue finds the caller past what was pushed so far', () => {
    const code = [0x41, 0x57, 0x55, ...[0x85, 0x84, 0x24, 0, 0xf0, 0xff, 0xff], 0x48, 0x81, 0xec];
    const callers = [0, 2, 3, 10].map((pushed, i) => {
      const { console } = takes(Cpu.VECTOR_GP, (machine) => {
        machine.memory.page(BigInt(DEEP)).set(code, DEEP % 4096);
        const slot = BigInt(STACK + 8 * Math.min(i, 2));
        machine.memory.write64(slot, TOP + BigInt(MAIN + 0x24));
        machine.memory.write64(slot + 8n + 0x18n, TOP + BigInt(PLACES.info));
        return { rip: TOP + BigInt(DEEP + pushed), rsp: TOP + BigInt(STACK) };
      });
      return console.split('\n')[2];
    });
    expect(callers).toEqual(Array(4).fill('  at kernel!main kernel/main.ts:11'));
  });

  it('says where registers stood', () => {
    const { console } = takes(Cpu.VECTOR_GP, () => ({
      rip: TOP + BigInt(MAIN),
      rsp: 0x1234_5678n,
      error: 0x18n,
    }));
    expect(console).toContain('vector 0d error 18 rip ffffffff80108400 rsp 0000000012345678\n');
  });

  it.each([
    [Cpu.VECTOR_DE, 'EXCEPTION'],
    [Cpu.VECTOR_NMI, 'NMI'],
    [Cpu.VECTOR_DF, 'DOUBLE_FAULT'],
    [Cpu.VECTOR_GP, 'EXCEPTION'],
    [Cpu.VECTOR_MC, 'MACHINE_CHECK'],
    [Cpu.VECTOR_HV, 'UNEXPECTED_HV'],
    [32, 'UNEXPECTED_INTERRUPT'],
    [254, 'UNEXPECTED_INTERRUPT'],
    [0x40, 'INTERRUPT_WHILE_OFF'],
  ] as const)('with vector %i ends the guest for %s', (vector, reason) => {
    const { end } = takes(vector, () => ({ rip: TOP + BigInt(MAIN) }));
    expect(end).toEqual(panicked(reason));
  });

  it('with #UD where the linker put no trap is an exception', () => {
    const { end } = takes(Cpu.VECTOR_UD, () => ({ rip: TOP + BigInt(MAIN) }));
    expect(end).toEqual(panicked('EXCEPTION'));
  });

  it.each([
    ['in the program’s memory or guard', 0x7_1234_5678n, PACK, 'PROGRAM_TRAP'],
    ['there, but by the kernel', 0x7_1234_5678n, DEEP, 'KERNEL_TRAP'],
    ['below the kernel’s stack', TOP + BigInt(PLACES.stack) - 8n, MAIN, 'STACK_EXHAUSTED'],
    ['at null', 0n, MAIN, 'PAGE_FAULT'],
  ] as const)('with a page fault %s says so', (_, cr2, place, reason) => {
    const { end } = takes(Cpu.VECTOR_PF, (machine) => {
      machine.cr2 = cr2;
      return { rip: TOP + BigInt(place) };
    });
    expect(end).toEqual(panicked(reason));
  });

  it.each([
    ['below', 0x3ff8n, 'STACK_EXHAUSTED'],
    ['as far below as is touched at once', 0x1000n, 'STACK_EXHAUSTED'],
    ['further below', 0xff8n, 'PAGE_FAULT'],
  ] as const)('with a page fault %s the program’s stack says so', (_, offset, reason) => {
    const { end } = takes(Cpu.VECTOR_PF, (machine) => {
      // The first page of the window is the one to look through, the next three are the guard.
      machine.cr2 = TOP + 0x4000_0000n + offset;
      return { rip: TOP + BigInt(PACK) };
    });
    expect(end).toEqual(panicked(reason));
  });

  it('on the way down goes straight to the host, with the first reason', () => {
    const { end } = takes(Cpu.VECTOR_UD, (machine) => {
      const inner = machine.in;
      machine.in = () => {
        machine.in = inner;
        machine.trap(Cpu.VECTOR_MC, { rip: TOP + BigInt(MAIN) });
        return 0x20;
      };
      return { rip: TOP + BigInt(PACK + 8) };
    });
    expect(end).toEqual(panicked('PROGRAM_TRAP'));
  });
});
