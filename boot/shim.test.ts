import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BootRecord } from '../spec/abi/handoff.ts';
import { ENTRY_PVH, PLATFORM_NONE } from '../spec/abi/platform.ts';
import * as Termination from '../spec/abi/termination.ts';
import { TrapFrame } from '../spec/abi/trap-frame.ts';
import * as Cpu from '../spec/cpu.ts';
import { type Layout, type View, view } from '../spec/layout.ts';
import { EXIT_VALUE, testImage } from '../test/boot-kernel.ts';
import { witness } from '../test/witness.ts';
import { writeElf } from '../tools/image/elf.ts';
import type { CpuLevel } from './features.ts';
import { SELECTOR_CODE64, SELECTOR_DATA, SHIM, SHIM_END } from './memory-map.ts';

const qemu = witness('qemu-system-x86_64');

const EXIT_DEVICE = 'isa-debug-exit,iobase=0xf4,iosize=4';

// Made while the tests are collected, since the boots that several tests read happen then too.
const folder = mkdtempSync(join(tmpdir(), 'tacit-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly lines: string[];
  readonly exitCode: number | null;
}

/** Boots the test kernel in QEMU, whose own CPU interpreter stands for a CPU that we did not write. */
function boot(machine: string, cpu: string, level: CpuLevel = 'x86-64'): Run {
  const image = testImage(level);
  const path = join(folder, `${level}.elf`);
  writeFileSync(path, writeElf(image.regions, image.pvhEntry));
  const options = [
    ...['-M', `${machine},accel=tcg`, '-cpu', cpu, '-m', '64M', '-nodefaults', '-no-reboot'],
    ...['-display', 'none', '-serial', 'stdio', '-device', EXIT_DEVICE, '-kernel', path],
  ];
  const { stdout, status } = spawnSync(qemu as string, options, {
    encoding: 'utf8',
    timeout: 30_000,
  });
  const start = stdout.search(/^[0-9a-f]{100,}$/m);
  return { lines: start < 0 ? [] : stdout.slice(start).trimEnd().split('\n'), exitCode: status };
}

function decode<L extends Layout>(layout: L, line: string | undefined): View<L> {
  expect(line?.length).toBe(layout.size * 2);
  return view(layout, Uint8Array.from(Buffer.from(line ?? '', 'hex')));
}

function words(line: string | undefined): bigint[] {
  const bytes = Buffer.from(line ?? '', 'hex');
  return Array.from({ length: bytes.length / 8 }, (_, n) => bytes.readBigUInt64LE(n * 8));
}

/** QEMU's exit code for a value written to its exit device. */
function exitCodeOf(value: number): number {
  return ((value << 1) | 1) & 0xff;
}

describe.each(['microvm', 'q35'])('in QEMU, machine %s', (machine) => {
  const run = qemu ? boot(machine, 'qemu64') : { lines: [], exitCode: null };
  const [record, control, units, breakpoint, invalid, protection, page, inside] = run.lines;
  const top = testImage().symbols.get('image.stack') ?? 0n;

  it.skipIf(!qemu)('the kernel runs to its end (qemu-system-x86_64)', () => {
    expect(run.exitCode).toBe(exitCodeOf(EXIT_VALUE));
  });

  it.skipIf(!qemu)('the record tells of the PVH entry and of no encryption', () => {
    const { entry, platform, sevStatus, cBit, startInfo, ghcbMsr, cpuidMax } = decode(
      BootRecord,
      record,
    );
    expect([entry, platform, cBit]).toEqual([ENTRY_PVH, PLATFORM_NONE, 0]);
    expect([sevStatus, ghcbMsr]).toEqual([0n, 0n]);
    expect(startInfo).toBeGreaterThan(0);
    expect(cpuidMax).toBeGreaterThanOrEqual(1);
  });

  it.skipIf(!qemu)('the kernel starts in long mode with its protections on', () => {
    const [cr0 = 0n, cr4 = 0n, efer = 0n, flags = 0n, stack = 0n] = words(control);
    const bits = Cpu.CR0_PE | Cpu.CR0_MP | Cpu.CR0_ET | Cpu.CR0_NE | Cpu.CR0_WP;
    expect(cr0).toBe(BigInt(bits) | BigInt(Cpu.CR0_PG));
    expect(cr4).toBe(BigInt(Cpu.CR4_PAE | Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT));
    expect(efer).toBe(0xd00n); // LME, LMA, NXE
    expect(flags & BigInt(Cpu.RFLAGS_IF | Cpu.RFLAGS_TF | Cpu.RFLAGS_DF | Cpu.RFLAGS_AC)).toBe(0n);
    expect(stack).toBe(top - 8n); // only the return address of main
  });

  it.skipIf(!qemu)('x87 and SSE have their control words', () => {
    expect(units?.slice(0, 4)).toBe('7f03'); // FCW 037F
    expect(units?.slice(8, 16)).toBe('801f0000'); // MXCSR 1F80
  });

  it.skipIf(!qemu)('every kind of exception arrives in the same form', () => {
    const frames = [breakpoint, invalid, protection, page].map((l) => decode(TrapFrame, l));
    expect(frames.map(({ vector }) => Number(vector))).toEqual([
      Cpu.VECTOR_BP,
      Cpu.VECTOR_UD,
      Cpu.VECTOR_GP,
      Cpu.VECTOR_PF,
    ]);
    expect(frames.map(({ error }) => error)).toEqual([0n, 0n, 0x7774n, 0n]);
    for (const { rip, cs, ss, rsp } of frames) {
      expect([Number(cs), Number(ss)]).toEqual([SELECTOR_CODE64, SELECTOR_DATA]);
      expect(rsp).toBe(top - 8n);
      expect(rip >> 31n).toBe(0x1_ffff_ffffn);
    }
    expect(frames[2]?.rax).toBe(0x7777n);
  });

  it.skipIf(!qemu)('a compartment runs on its own stack with its own base', () => {
    const [stack, base, , kept, back] = words(inside);
    expect(stack).toBe(top - 0x1000n - 16n - 8n);
    expect(base).toBe(0x5678n);
    expect([kept, back]).toEqual([0x1234n, top - 8n]);
  });
});

describe('a CPU that lacks what the image was built for', () => {
  it.skipIf(!qemu).each([
    ['x86-64', 'qemu64,-sse2'],
    ['x86-64', 'qemu64,-nx'],
    ['x86-64-v2', 'qemu64,-ssse3'],
    ['x86-64-v3', 'Nehalem'],
  ] as const)('%s on %s is refused with a reason (qemu-system-x86_64)', (level, cpu) => {
    const { lines, exitCode } = boot('microvm', cpu, level);
    expect(lines).toEqual([]);
    expect(exitCode).toBe(exitCodeOf(Termination.CPU_FEATURE_MISSING));
  });

  it.skipIf(!qemu).each([
    ['x86-64', 'max'],
    ['x86-64-v2', 'Nehalem'],
    ['x86-64-v3', 'max'],
  ] as const)('%s on %s boots (qemu-system-x86_64)', (level, cpu) => {
    expect(boot('microvm', cpu, level).exitCode).toBe(exitCodeOf(EXIT_VALUE));
  });
});

it('the shim fits its place and says where both its entries are', () => {
  const { symbols, pvhEntry, igvmEntry, regions } = testImage('x86-64-v3');
  expect(regions[0]?.gpa).toBe(SHIM);
  expect(regions[0]?.bytes.length).toBeLessThanOrEqual(SHIM_END - SHIM);
  expect(pvhEntry).toBe(SHIM);
  expect(igvmEntry).toBeGreaterThan(pvhEntry);
  expect(symbols.get('boot!igvm')).toBe(BigInt(igvmEntry));
});
