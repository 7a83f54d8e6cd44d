import { describe, expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import * as Ghcb from '../../../spec/ghcb.ts';
import * as Event from '../../../spec/ghcb-event.ts';
import * as Request from '../../../spec/ghcb-msr.ts';
import { view } from '../../../spec/layout.ts';
import { Ghcb as GhcbLayout } from '../../../spec/layouts/ghcb.ts';
import { createMachine, type Machine } from '../machine.ts';
import type { Mode } from '../mode.ts';
import { entryFor } from './rmp.ts';

const GPA = 0x8000;
const FRAME = BigInt(GPA / 4096);
const ALL_ONES = (1n << 64n) - 1n;

/** What a guest in `machine` is told when it exits with `value` in its GHCB MSR. */
function msr(machine: Machine, value: bigint): bigint {
  machine.vcpu.ghcb = value;
  machine.hypervisor.answer({ code: Exit.VMGEXIT, info1: 0n, info2: 0n });
  return machine.vcpu.ghcb;
}

type Fields = Partial<Record<string, bigint | number>>;

const BITS: Readonly<Record<string, number>> = {
  cpl: Ghcb.VALID_CPL,
  rax: Ghcb.VALID_RAX,
  rbx: Ghcb.VALID_RBX,
  rcx: Ghcb.VALID_RCX,
  rdx: Ghcb.VALID_RDX,
  swExitCode: Ghcb.VALID_SW_EXITCODE,
  swExitInfo1: Ghcb.VALID_SW_EXITINFO1,
  swExitInfo2: Ghcb.VALID_SW_EXITINFO2,
  swScratch: Ghcb.VALID_SW_SCRATCH,
  xcr0: Ghcb.VALID_XCR0,
};

/** Makes a request through the page; fields that are given are marked valid. */
function page(machine: Machine, fields: Fields, buffer?: Uint8Array) {
  const bytes = new Uint8Array(4096);
  const ghcb = view(GhcbLayout, bytes);
  Object.assign(ghcb, { version: 2, usage: 0, ...fields });
  let valid = 0n;
  for (const name of Object.keys(fields)) {
    const bit = BITS[name];
    if (bit !== undefined) valid |= 1n << BigInt(bit);
  }
  ghcb.validLow = BigInt.asUintN(64, valid);
  ghcb.validHigh = valid >> 64n;
  if (buffer) ghcb.sharedBuffer.set(buffer);
  machine.memory.writeGuest(BigInt(GPA), bytes);
  msr(machine, BigInt(GPA));
  const answer = machine.memory.readGuest(BigInt(GPA), 4096) ?? new Uint8Array(4096);
  return view(GhcbLayout, answer);
}

/** A request with its three obligatory fields. */
function event(machine: Machine, code: number, fields: Fields = {}, buffer?: Uint8Array) {
  const always = { swExitCode: BigInt(code), swExitInfo1: 0n, swExitInfo2: 0n };
  return page(machine, { ...always, ...fields }, buffer);
}

function registered(mode: Mode = 'snp', host: 'kvm' | 'hv' = 'kvm'): Machine {
  const machine = createMachine({ mode, host });
  if (mode === 'snp') msr(machine, (FRAME << 12n) | BigInt(Request.REGISTER_GHCB_REQUEST));
  return machine;
}

describe('the GHCB MSR protocol', () => {
  it('offers versions 1 to 2 and the position of the C-bit, after reset and when asked', () => {
    const machine = createMachine({ mode: 'sev-es' });
    expect(machine.vcpu.ghcb).toBe(0x0002_0001_3300_0001n);
    expect(msr(machine, BigInt(Request.SEV_INFO_REQUEST))).toBe(0x0002_0001_3300_0001n);
  });

  it('answers CPUID a register at a time', () => {
    const machine = createMachine({ mode: 'sev-es' });
    const ask = (register: bigint) =>
      msr(machine, (0n << 32n) | (register << 30n) | BigInt(Request.CPUID_REQUEST));
    expect(ask(1n)).toBe((0x6874_7541n << 32n) | (1n << 30n) | BigInt(Request.CPUID_RESPONSE));
    expect(ask(3n) >> 32n).toBe(0x6974_6e65n);
    expect(ask(2n) >> 32n).toBe(0x444d_4163n);
  });

  it('has no preference for the GHCB, and registers one in RAM alone', () => {
    const machine = createMachine({ mode: 'snp' });
    const preferred = msr(machine, BigInt(Request.PREFERRED_GHCB_REQUEST));
    expect(preferred).toBe(
      ((ALL_ONES << 12n) & ALL_ONES) | BigInt(Request.PREFERRED_GHCB_RESPONSE),
    );
    const register = (frame: bigint) =>
      msr(machine, (frame << 12n) | BigInt(Request.REGISTER_GHCB_REQUEST)) >> 12n;
    expect(register(FRAME)).toBe(FRAME);
    expect(register(0xf_0000_0000n)).toBe(0xf_ffff_ffff_ffffn);
  });

  it('changes the state of a page', () => {
    const machine = createMachine({ mode: 'snp' });
    const change = (operation: bigint, gfn: bigint) =>
      msr(machine, (operation << 52n) | (gfn << 12n) | BigInt(Request.PAGE_STATE_CHANGE_REQUEST));
    expect(change(1n, 0x400n)).toBe(BigInt(Request.PAGE_STATE_CHANGE_RESPONSE));
    expect(entryFor(machine.core.frames, 0x400)).toMatchObject({
      assigned: true,
      asid: 1,
      gfn: 0x400,
      validated: false,
    });
    expect(change(2n, 0x400n) >> 32n).toBe(0n);
    expect(entryFor(machine.core.frames, 0x400).assigned).toBe(false);
    expect(change(1n, 0xf_0000n) >> 32n).not.toBe(0n);
    expect(change(3n, 0x400n) >> 32n).not.toBe(0n);
  });

  it('tells SNP guests which features there are', () => {
    const ask = (host: 'kvm' | 'hv') =>
      msr(createMachine({ mode: 'snp', host }), BigInt(Request.HV_FEATURES_REQUEST)) >> 12n;
    expect([ask('kvm'), ask('hv')]).toEqual([3n, 0x17n]);
  });

  it('leaves the MSR as it is after a request that it does not know', () => {
    const machine = createMachine({ mode: 'snp' });
    expect(msr(machine, 0x1234_5fffn)).toBe(0x1234_5fffn);
  });

  it('ends a guest that is not SNP and makes an SNP request', () => {
    const machine = createMachine({ mode: 'sev-es' });
    msr(machine, BigInt(Request.PREFERRED_GHCB_REQUEST));
    expect(machine.hypervisor.ended).toMatchObject({ kind: 'shutdown' });
  });
});

describe('the GHCB page protocol', () => {
  it('refuses a page that an SNP guest did not register', () => {
    const machine = createMachine({ mode: 'snp' });
    const answer = event(machine, Event.HV_FEATURES);
    expect([answer.swExitInfo1, answer.swExitInfo2]).toEqual([2n, 1n]);
    expect(event(registered(), Event.HV_FEATURES)).toMatchObject({
      swExitInfo1: 0n,
      swExitInfo2: 3n,
    });
  });

  it.each<[string, number, () => ReturnType<typeof page>]>([
    ['usage', Ghcb.ERROR_INVALID_USAGE, () => event(registered(), Exit.CPUID, { usage: 1 })],
    [
      'missing exit code',
      Ghcb.ERROR_MISSING_INPUT,
      () => page(registered(), { swExitInfo1: 0n, swExitInfo2: 0n }),
    ],
    [
      'missing exit info',
      Ghcb.ERROR_MISSING_INPUT,
      () => page(registered(), { swExitCode: 0x72n, swExitInfo1: 0n }),
    ],
    [
      'missing RCX of CPUID',
      Ghcb.ERROR_MISSING_INPUT,
      () => event(registered(), Exit.CPUID, { rax: 0n }),
    ],
    [
      'missing XCR0 of leaf D',
      Ghcb.ERROR_MISSING_INPUT,
      () => event(registered(), Exit.CPUID, { rax: 0xdn, rcx: 0n }),
    ],
    [
      'missing XSS of leaf D, subleaf 1',
      Ghcb.ERROR_MISSING_INPUT,
      () => event(registered(), Exit.CPUID, { rax: 0xdn, rcx: 1n, xcr0: 1n }),
    ],
    [
      'missing RAX of OUT',
      Ghcb.ERROR_MISSING_INPUT,
      () => event(registered(), Exit.IOIO, { swExitInfo1: 0x80_0210n }),
    ],
    [
      'missing RDX of WRMSR',
      Ghcb.ERROR_MISSING_INPUT,
      () => event(registered(), Exit.MSR, { swExitInfo1: 1n, rcx: 0n, rax: 0n }),
    ],
    ['unknown event', Ghcb.ERROR_INVALID_EVENT, () => event(registered(), 0x8000_0077)],
    [
      'SNP event in sev-es',
      Ghcb.ERROR_INVALID_EVENT,
      () => event(registered('sev-es'), Event.PAGE_STATE_CHANGE, { swScratch: 0x8800n }),
    ],
    [
      'doorbell without restricted injection',
      Ghcb.ERROR_INVALID_EVENT,
      () => event(registered(), Event.HV_DOORBELL_PAGE),
    ],
    [
      'scratch before the buffer',
      Ghcb.ERROR_INVALID_SCRATCH,
      () => event(registered(), Event.PAGE_STATE_CHANGE, { swScratch: 0x87f8n }),
    ],
    [
      'scratch beyond the buffer',
      Ghcb.ERROR_INVALID_SCRATCH,
      () => event(registered(), Event.PAGE_STATE_CHANGE, { swScratch: 0x8fecn }),
    ],
    [
      'scratch that wraps',
      Ghcb.ERROR_INVALID_SCRATCH,
      () => event(registered(), Event.PAGE_STATE_CHANGE, { swScratch: ALL_ONES }),
    ],
    [
      'string longer than the buffer',
      Ghcb.ERROR_INVALID_SCRATCH,
      () =>
        event(registered(), Exit.IOIO, {
          swExitInfo1: 0x3f8_0e1cn,
          swExitInfo2: 2033n,
          swScratch: 0x8800n,
        }),
    ],
    [
      'port access of no size',
      Ghcb.ERROR_INVALID_INPUT,
      () => event(registered(), Exit.IOIO, { swExitInfo1: 0x80_0200n, rax: 0n }),
    ],
    [
      'MMIO of three bytes',
      Ghcb.ERROR_INVALID_INPUT,
      () => event(registered(), Event.MMIO_READ, { swExitInfo2: 3n, swScratch: 0x8800n }),
    ],
  ])('refuses a request with %s', (_why, reason, ask) => {
    const answer = ask();
    expect([answer.swExitInfo1, answer.swExitInfo2]).toEqual([2n, BigInt(reason)]);
  });

  it('marks as valid what it returns, and nothing else', () => {
    const answer = event(registered(), Exit.CPUID, { rax: 0x8000_0008n, rcx: 0n });
    expect([answer.rax, answer.rbx, answer.rcx, answer.rdx]).toEqual([0x3030n, 0n, 0n, 0n]);
    const bits = [63, 97, 98, 99, 115, 116].reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
    expect(answer.validLow | (answer.validHigh << 64n)).toBe(bits);
  });

  it('reads and writes ports, in strings too', () => {
    const machine = registered();
    event(machine, Exit.IOIO, { swExitInfo1: 0x3f8_0210n, rax: 0x41n });
    const text = new TextEncoder().encode('BC\n');
    const string = { swExitInfo1: 0x3f8_0e1cn, swExitInfo2: 3n, swScratch: 0x8800n };
    event(machine, Exit.IOIO, string, text);
    expect(machine.console.lines).toEqual(['ABC']);
    const status = event(machine, Exit.IOIO, { swExitInfo1: 0x3fd_0211n });
    expect(status.rax).toBe(0x60n);
    const ins = { swExitInfo1: 0x3fd_0e1dn & ~0xc00n, swExitInfo2: 2n, swScratch: 0x8800n };
    expect([...event(machine, Exit.IOIO, ins).sharedBuffer.subarray(0, 3)]).toEqual([
      0x60, 0x60, 0,
    ]);
  });

  it('has the guest raise #GP for an MSR that it does not have', () => {
    const answer = event(registered(), Exit.MSR, { rcx: 0xc001_1234n });
    expect([answer.swExitInfo1, answer.swExitInfo2]).toEqual([1n, 0x8000_0b0dn]);
  });

  it('reads all ones where there is no device', () => {
    const fields = { swExitInfo1: 0xfec0_0000n, swExitInfo2: 4n, swScratch: 0x8800n };
    const answer = event(registered(), Event.MMIO_READ, fields);
    expect([...answer.sharedBuffer.subarray(0, 5)]).toEqual([0xff, 0xff, 0xff, 0xff, 0]);
  });

  it('keeps the doorbell page that it is given', () => {
    const machine = registered('snp', 'hv');
    const set = event(machine, Event.HV_DOORBELL_PAGE, { swExitInfo1: 1n, swExitInfo2: 0x9000n });
    expect([set.swExitInfo1, set.swExitInfo2]).toEqual([0n, 0x9000n]);
    expect(event(machine, Event.HV_DOORBELL_PAGE, { swExitInfo1: 2n }).swExitInfo2).toBe(0x9000n);
    const bad = event(machine, Event.HV_DOORBELL_PAGE, { swExitInfo1: 1n, swExitInfo2: 0x9010n });
    expect([bad.swExitInfo1, bad.swExitInfo2]).toEqual([2n, 5n]);
  });

  it('ends the guest that asks for it, and the one whose GHCB it cannot write', () => {
    const asking = registered();
    event(asking, Event.TERMINATION_REQUEST, { swExitInfo1: 0x417n });
    expect(asking.hypervisor.ended).toMatchObject({ kind: 'panic', set: 7, reason: 0x41 });
    const hidden = registered();
    hidden.pages.makePrivate(Number(FRAME), 1);
    msr(hidden, BigInt(GPA));
    expect(hidden.hypervisor.ended).toMatchObject({
      kind: 'shutdown',
      cause: expect.stringContaining('private'),
    });
  });

  it('goes on as if nothing happened without a page', () => {
    const machine = registered();
    expect(msr(machine, 0n)).toBe(0n);
    expect(machine.hypervisor.ended).toBeUndefined();
  });

  it('lets a script replace an answer, and ask the one it replaced', () => {
    const machine = registered();
    const { answers } = machine.hypervisor;
    const honest = answers.cpuid;
    answers.cpuid = (host, leaf, subleaf) => ({ ...honest(host, leaf, subleaf), edx: 7 });
    const answer = event(machine, Exit.CPUID, { rax: 0n, rcx: 0n });
    expect([answer.rbx, answer.rdx]).toEqual([0x6874_7541n, 7n]);
  });
});
