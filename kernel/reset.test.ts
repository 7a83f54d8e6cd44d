import { beforeAll, describe, expect, it } from 'vitest';
import { HARD_RESET, RESET_CONTROL } from '../spec/reset.ts';
import { HonestHypervisor } from '../test/kernel/hypervisor.ts';
import { BareMachine, type Mode } from '../test/kernel/machine.ts';
import { kernelModule } from '../test/kernel/module.ts';
import { Program } from '../test/kernel/program.ts';
import { panicked } from '../test/kernel/run.ts';

const MODES: readonly Mode[] = ['none', 'sev', 'sev-es', 'snp'];

class WasReset extends Error {}

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await kernelModule();
});

/** A program that has messages sent and then resets, on a host that `obeys` or goes on. */
function resetting(mode: Mode, obeys: boolean) {
  const hypervisor = new HonestHypervisor();
  const machine: BareMachine = new BareMachine(module, {
    mode,
    hypervisor,
    program: () => {
      const program = new Program(machine);
      program.import('tacit_extended_report', 0x100, 0, 0x1000, 0x4000, 0x4000, 0x200);
      program.import('tacit_reset');
    },
  });
  const writes: number[] = [];
  let shared: bigint[] = [];
  const { out } = machine;
  machine.out = (port, value) => {
    if (port !== RESET_CONTROL) return out.call(machine, port, value);
    writes.push(value);
    shared = sharedPages(machine);
    if (obeys) throw new WasReset();
  };
  return { machine, hypervisor, writes, shared: () => shared };
}

/** Pages of the kernel's memory that are mapped for the host too. */
function sharedPages(machine: BareMachine): bigint[] {
  const pages: bigint[] = [];
  for (let page = 0x18_0000n; page < 0x80_0000n; page += 0x1000n) {
    if (machine.memory.translate(page)?.shared) pages.push(page);
  }
  return pages;
}

describe('a reset', () => {
  it.each(MODES)('is asked for with nothing shared but the GHCB (mode %s)', (mode) => {
    const { machine, hypervisor, writes, shared } = resetting(mode, true);
    expect(() => machine.run()).toThrow(WasReset);
    expect(writes).toEqual([HARD_RESET]);
    const ghcb = mode === 'snp' ? hypervisor.registered : shared();
    expect(shared()).toEqual(ghcb);
    expect(shared()).toHaveLength(mode === 'snp' || mode === 'sev-es' ? 1 : 0);
  });

  it.each(MODES)('that the host refuses ends the guest, with nothing shared (mode %s)', (mode) => {
    const { machine, hypervisor } = resetting(mode, false);
    expect(machine.run()).toEqual(panicked('RESET_REFUSED'));
    expect(sharedPages(machine)).toEqual([]);
    // A hypervisor pins the page that is registered: GPA 0 takes its place first.
    if (mode === 'snp') expect(hypervisor.registered).toEqual([expect.any(BigInt), 0n]);
  });
});
