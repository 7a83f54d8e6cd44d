import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostName } from '../tools/emulator/hypervisor/host-profile.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { finish, prepare } from '../tools/emulator/run.ts';
import { type Build, type BuiltKernel, buildImage, buildKernel } from '../tools/image/build.ts';
import { type Manifest, readManifest } from '../tools/image/manifest.ts';
import { root } from '../tools/root.ts';
import { witness } from './witness.ts';

const MIB = 0x10_0000;
const LIMIT = 50_000_000;

/** Sleeps three times, and says how it was woken: in milliseconds, rounded down. */
const SLEEPER = `
  import { clock_time_get, fd_write, poll_oneoff, proc_exit } from './wasi_snapshot_preview1';
  const text = memory.data(64);
  const words = memory.data(16, 8);
  const asked = memory.data(96, 8);
  const events = memory.data(64, 8);
  let length: u32 = 0;

  function now(): u64 {
    if (clock_time_get(1, 0, words) !== 0) proc_exit(101);
    return load<u64>(words);
  }

  function put(byte: u32): void {
    store<u8>(text + length++, u8(byte));
  }

  function decimal(value: u32): void {
    if (value >= 10) decimal(value / 10);
    put(0x30 + (value % 10));
  }

  function sleep(timeout: u64, absolute: bool): void {
    store<u64>(asked, 0x5511);
    store<u32>(asked, 1, 16);
    store<u64>(asked, timeout, 24);
    store<u16>(asked, u16(absolute), 40);
    const before = now();
    if (poll_oneoff(asked, events, 1, words) !== 0) proc_exit(102);
    if (load<u32>(words) !== 1 || load<u64>(events) !== 0x5511) proc_exit(103);
    if (load<u16>(events, 8) !== 0 || load<u8>(events, 10) !== 0) proc_exit(104);
    decimal(u32((now() - before) / 1_000_000));
    put(0x20);
  }

  sleep(2_000_000, false);
  sleep(now() + 7_000_000, true);
  sleep(now(), true);
  put(0x0a);
  store<u32>(words, u32(text));
  store<u32>(words, length, 4);
  fd_write(1, words, 1, words + 8);
  proc_exit(0);
`;
const WASI = `
  export declare function clock_time_get(id: u32, precision: u64, time: usize): u32;
  export declare function poll_oneoff(from: usize, to: usize, n: u32, events: usize): u32;
  export declare function fd_write(fd: u32, buffers: usize, count: u32, written: usize): u32;
  export declare function proc_exit(code: u32): void;
`;

let folder: string;
let manifest: Manifest;
let kernel: BuiltKernel;
const images = new Map<HostName, Build>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tacit-sleep-'));
  writeFileSync(join(folder, 'sleeper.ts'), SLEEPER);
  writeFileSync(join(folder, 'wasi_snapshot_preview1.ts'), WASI);
  const luggage = readManifest(join(root, 'examples/luggage/tacit.json'));
  manifest = { ...luggage, folder, program: 'sleeper.ts', imports: ['wasi_snapshot_preview1.*'] };
  kernel = await buildKernel();
  for (const host of ['kvm', 'hv'] as const) {
    images.set(host, await buildImage({ ...manifest, host }, { kernel }));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const imageFor = (host: HostName) => images.get(host)?.igvm ?? new Uint8Array();

describe('a program that sleeps', () => {
  it.each([
    ['none', 'kvm'],
    ['sev', 'kvm'],
    ['sev-es', 'kvm'],
    ['snp', 'kvm'],
    ['snp', 'hv'],
  ] as const)('is woken when its time has come (mode %s, host %s)', (mode: Mode, host) => {
    const bytes: number[] = [];
    const machine = prepare(imageFor(host), 'sleeper.igvm', {
      mode,
      host,
      memory: 4 * MIB,
      console: (byte) => bytes.push(byte),
    });
    const { termination, report } = finish(machine, LIMIT);
    expect(Buffer.from(bytes).toString()).toBe(`Tacit, mode ${mode}\n2 7 0 \n`);
    expect(termination).toEqual({ kind: 'exit', code: 0 });
    // Time passes while it halts, and no instruction is executed: it does not spin.
    expect(report.exits.byReason.HLT).toBeGreaterThanOrEqual(2);
    expect(report.vc.total).toBe(report.vc.beforeGhcb);
  });

  const qemu = witness('qemu-system-x86_64');
  it.skipIf(!qemu).each(['microvm', 'q35'])(
    'is woken by an APIC in memory (qemu-system-x86_64 -M %s)',
    (type) => {
      const file = join(folder, 'sleeper.elf');
      writeFileSync(file, images.get('kvm')?.elf ?? new Uint8Array());
      const options = [
        ...['-M', type, '-accel', 'tcg', '-m', '64M', '-nodefaults', '-no-reboot'],
        ...['-display', 'none', '-serial', 'stdio'],
        ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', file],
      ];
      const { stdout, status } = spawnSync(qemu ?? '', options, {
        encoding: 'utf8',
        timeout: 60_000,
      });
      const [, first = '', second = ''] = /(\d+) (\d+) \d+ \r?\n$/.exec(stdout) ?? [];
      expect(status, stdout).toBe(1);
      expect(Number(first)).toBeGreaterThanOrEqual(2);
      expect(Number(second)).toBeGreaterThanOrEqual(7);
    },
  );
});
