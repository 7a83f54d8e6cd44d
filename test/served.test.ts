import { beforeAll, describe, expect, it } from 'vitest';
import * as Exit from '../spec/exit.ts';
import * as Ghcb from '../spec/ghcb.ts';
import type { PortDevice } from '../tools/emulator/devices/port-bus.ts';
import type { Mode } from '../tools/emulator/mode.ts';
import { prepare } from '../tools/emulator/run.ts';
import { kernelImage } from './kernel-image.ts';

const MIB = 0x10_0000;
const LIMIT = 20_000_000;

let image: Uint8Array;
beforeAll(async () => {
  image = await kernelImage('test/fixtures/served-kernel.ts');
});

/** Runs the kernel that executes each instruction; what it printed, and what its port was given. */
function run(mode: Mode, fatal = 0) {
  const bytes: number[] = [];
  const written: string[] = [];
  const machine = prepare(image, 'served.igvm', {
    mode,
    memory: 4 * MIB,
    console: (byte) => bytes.push(byte),
  });
  let reads = 0;
  const device: PortDevice = {
    name: 'test',
    width: 4,
    read: (_, size) => 0x1234_5600 + (size << 4) + (reads++ & 15),
    write: (_, size, value) => written.push(`${size}:${value.toString(16)}`),
  };
  machine.ports.add(0x500, 1, device);
  machine.ports.add(0x510, 1, { ...device, width: 1, read: () => fatal });
  const { hypervisor, core } = machine;
  // No host has a reason to intercept these, unless it wants to; and what counts is the host's.
  core.control.intercept3 |= 1 << (Exit.RDTSC % 32);
  core.control.intercept4 |= 1 << (Exit.RDTSCP % 32);
  const { events, exits } = hypervisor.answers;
  events.set(Exit.RDPMC, {
    needs: () => [Ghcb.VALID_RCX],
    answer: (_, request) => {
      request.set(Ghcb.VALID_RAX, 0x700n + request.get(Ghcb.VALID_RCX));
      request.set(Ghcb.VALID_RDX, 1n);
    },
  });
  const time = (aux: boolean) => (host: typeof hypervisor) => {
    const { registers } = host.vcpu;
    registers.rax = host.timeStamp() & 0xffff_ffffn;
    registers.rdx = host.timeStamp() >> 32n;
    if (aux) registers.rcx = 0n;
    host.vcpu.advance();
  };
  exits.set(Exit.RDTSC, time(false));
  exits.set(Exit.RDTSCP, time(true));
  exits.set(Exit.RDPMC, ({ vcpu }) => {
    vcpu.registers.rax = 0x700n + vcpu.registers.rcx;
    vcpu.registers.rdx = 1n;
    vcpu.advance();
  });
  const termination = hypervisor.run(LIMIT);
  const lines = Buffer.from(bytes).toString().split('\n');
  return { termination, lines, written, vcs: machine.statistics.vcs };
}

describe('a kernel that executes every instruction whose #VC is served', () => {
  it.each(['sev-es', 'snp'] as const)('gets from %s what it gets without SEV', (mode) => {
    const plain = run('none');
    expect(plain.termination).toEqual({ kind: 'exit', code: 0 });
    expect(plain.lines).toHaveLength(14);
    const { termination, lines, written, vcs } = run(mode);
    expect(termination).toEqual({ kind: 'exit', code: 0 });
    expect(lines).toEqual(plain.lines);
    expect(written).toEqual(plain.written);
    // Each once, but the long string in two parts.
    expect(vcs).toBe(33);
    expect(plain.vcs).toBe(0);
  });

  it('dies of INVD', () => {
    expect(run('snp', 1).termination).toMatchObject({ kind: 'panic', name: 'VC_INVD' });
  });
});
