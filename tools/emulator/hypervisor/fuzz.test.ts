import { expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import * as Ghcb from '../../../spec/ghcb.ts';
import { view } from '../../../spec/layout.ts';
import { Ghcb as GhcbLayout } from '../../../spec/layouts/ghcb.ts';
import { random } from '../../../test/random.ts';
import { createMachine } from '../machine.ts';

const GPA = 0x8000;
const CASES = 1000;
/** Values that checks are likely to turn on. */
const EDGES = [
  0n,
  1n,
  2n,
  0x7ffn,
  0xfffn,
  0x8000n,
  0x8800n,
  0x8ff0n,
  0xffff_ffffn,
  (1n << 64n) - 1n,
];

it('answers whatever a guest asks, and never breaks', () => {
  const next = random();
  const word = () => (BigInt(next()) << 32n) | BigInt(next());
  const some = <T>(list: readonly T[]) => list[next() % list.length] as T;
  const value = () => (next() % 2 === 0 ? some(EDGES) : word());
  for (let i = 0; i < CASES; i++) {
    const machine = machines[i % machines.length] ?? fresh(i);
    if (machine.hypervisor.ended) machines[i % machines.length] = fresh(i);
    const codes = [...machine.hypervisor.answers.events.keys()];
    const page = new Uint8Array(4096);
    const ghcb = view(GhcbLayout, page);
    for (const name of ['rax', 'rbx', 'rcx', 'rdx', 'swExitInfo1', 'swExitInfo2'] as const) {
      ghcb[name] = value();
    }
    if (next() % 4 === 0) ghcb.rcx = BigInt(some([0x1b, 0x800 + (next() % 0x100)]));
    ghcb.swExitCode = BigInt(next() % 8 === 0 ? next() : some(codes));
    ghcb.swScratch = next() % 4 === 0 ? value() : BigInt(GPA + Ghcb.SHARED_BUFFER);
    ghcb.validLow = next() % 8 === 0 ? word() : (1n << 64n) - 1n;
    ghcb.validHigh = next() % 8 === 0 ? word() : (1n << 64n) - 1n;
    ghcb.version = next() % 4;
    ghcb.usage = next() % 16 === 0 ? 1 : 0;
    for (let at = 0; at < 64; at += 8) {
      new DataView(page.buffer).setBigUint64(Ghcb.SHARED_BUFFER + at, value(), true);
    }
    machine.memory.writeGuest(BigInt(GPA), page);
    const requests = [...machine.hypervisor.answers.requests.keys()];
    machine.vcpu.ghcb =
      next() % 4 === 0 ? (word() & ~0xfffn) | BigInt(some([...requests, 0, 0xabc])) : BigInt(GPA);
    expect(() => {
      machine.hypervisor.answer({ code: Exit.VMGEXIT, info1: 0n, info2: 0n });
      machine.hypervisor.interrupts.beforeEntry();
    }, `case ${i} of ${next.seed}`).not.toThrow();
  }
});

const fresh = (i: number) => {
  const mode = i % 2 === 0 ? ('snp' as const) : ('sev-es' as const);
  const host = i % 3 === 0 ? ('hv' as const) : ('kvm' as const);
  const machine = createMachine({ mode, host, memory: 2 ** 22 });
  machine.core.setKey(machine.asid, new Uint8Array(16), new Uint8Array(16).fill(1));
  machine.hypervisor.registeredGhcb = BigInt(GPA);
  return machine;
};
const machines = Array.from({ length: 6 }, (_, i) => fresh(i));
