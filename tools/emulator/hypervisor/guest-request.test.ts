import { expect, it } from 'vitest';
import * as Exit from '../../../spec/exit.ts';
import * as Ghcb from '../../../spec/ghcb.ts';
import * as Event from '../../../spec/ghcb-event.ts';
import * as Message from '../../../spec/guest-message.ts';
import { view } from '../../../spec/layout.ts';
import { Ghcb as GhcbLayout } from '../../../spec/layouts/ghcb.ts';
import { CertificateEntry, ReportResponse } from '../../../spec/layouts/guest-message.ts';
import { AttestationReport } from '../../../spec/layouts/report.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import * as Status from '../../../spec/psp-status.ts';
import { bootGuest, runUntil } from '../../../test/guest.ts';
import { RAX, RCX, RDX } from '../../compiler/x86/operand.ts';
import type { Machine } from '../machine.ts';
import { chipKeys } from '../psp/chip.ts';
import { openMessage, sealMessage } from '../psp/messages.ts';

const GPA = 0x8000n;
const REQUEST = 0x40_0000n;
const RESPONSE = 0x40_1000n;
const TABLE = 0x40_2000n;
const KEY = new Uint8Array(32);

function booted(host: 'kvm' | 'hv' = 'kvm'): Machine {
  const machine = bootGuest({ mode: 'snp', host, memory: 8 << 20 }, () => {});
  machine.pages.makeShared(Number(GPA >> 12n), 1);
  machine.hypervisor.registeredGhcb = GPA;
  return machine;
}

/** Has the host answer an event as if the guest had exited with it. */
function event(
  machine: Machine,
  fields: Partial<Record<'code' | 'info1' | 'info2' | 'rax' | 'rbx', bigint>>,
) {
  const page = new Uint8Array(4096);
  const ghcb = view(GhcbLayout, page);
  ghcb.swExitCode = fields.code ?? 0n;
  ghcb.swExitInfo1 = fields.info1 ?? 0n;
  ghcb.swExitInfo2 = fields.info2 ?? 0n;
  ghcb.rax = fields.rax ?? 0n;
  ghcb.rbx = fields.rbx ?? 0n;
  ghcb.validLow = (1n << 64n) - 1n;
  ghcb.validHigh = (1n << 64n) - 1n;
  ghcb.version = 2;
  machine.memory.writeGuest(GPA, page);
  machine.vcpu.ghcb = GPA;
  machine.hypervisor.answer({ code: Exit.VMGEXIT, info1: 0n, info2: 0n });
  return view(GhcbLayout, machine.memory.readGuest(GPA, 4096) ?? page);
}

function key(machine: Machine): Uint8Array {
  const context = machine.hypervisor.guestContext ?? -1;
  return machine.psp.context(context)?.vmpcks[0] ?? KEY;
}

function send(machine: Machine, sequence = 1n): void {
  const envelope = { type: Message.REPORT_REQUEST, sequence, vmpck: 0 };
  machine.memory.writeGuest(REQUEST, sealMessage(envelope, new Uint8Array(96), key(machine)));
}

const guestRequest = { code: BigInt(Event.GUEST_REQUEST), info1: REQUEST, info2: RESPONSE };
const extended = { ...guestRequest, code: BigInt(Event.EXTENDED_GUEST_REQUEST), rax: TABLE };

it('has a message answered by the AMD-SP, with the digest of the launch in the report', () => {
  const machine = booted();
  send(machine);
  expect(event(machine, guestRequest)).toMatchObject({ swExitInfo1: 0n, swExitInfo2: 0n });
  const page = machine.memory.readGuest(RESPONSE, 4096) ?? KEY;
  const payload = openMessage(page, key(machine)) ?? new Uint8Array(ReportResponse.size);
  const { report } = view(ReportResponse, payload);
  expect(view(AttestationReport, report).measurement).toEqual(machine.launchDigest);
});

it('hands the AMD-SP’s refusal on, and takes pages that are the host’s alone', () => {
  const machine = booted();
  send(machine, 3n);
  expect(event(machine, guestRequest).swExitInfo2).toBe(BigInt(Status.AEAD_OFLOW));
  const malformed = { swExitInfo1: BigInt(Ghcb.RESULT_MALFORMED) };
  expect(event(machine, { ...guestRequest, info2: REQUEST })).toMatchObject(malformed);
  expect(event(machine, { ...guestRequest, info2: RESPONSE + 8n })).toMatchObject(malformed);
  machine.pages.makePrivate(Number(RESPONSE >> 12n), 1);
  expect(event(machine, guestRequest)).toMatchObject(malformed);
});

it('gives certificates with a report, and says how many pages they need', () => {
  const machine = booted();
  send(machine);
  const short = event(machine, extended);
  expect(short).toMatchObject({ rbx: 2n, swExitInfo2: BigInt(Message.VMM_INVALID_LENGTH) << 32n });
  // The message was not passed on: the same one is good still.
  expect(event(machine, { ...extended, rbx: 2n }).swExitInfo2).toBe(0n);
  const table = machine.memory.readGuest(TABLE, 8192) ?? KEY;
  const { certificates } = chipKeys();
  for (const [i, name] of (['vcek', 'ask', 'ark'] as const).entries()) {
    const { offset, size } = view(CertificateEntry, table, i * CertificateEntry.size);
    expect(table.slice(offset, offset + size)).toEqual(certificates[name]);
  }
  expect(view(CertificateEntry, table, 3 * CertificateEntry.size).size).toBe(0);
});

it('is one processor: lists it, and creates no other', () => {
  const machine = booted('hv');
  machine.pages.makeShared(Number(TABLE >> 12n), 1);
  const list = BigInt(Event.APIC_ID_LIST);
  expect(event(machine, { code: list, rax: 0n }).rax).toBe(1n);
  event(machine, { code: list, rax: 1n, info1: TABLE });
  expect([...(machine.memory.readGuest(TABLE, 8) ?? [])]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  const create = { code: BigInt(Event.AP_CREATION), info2: RESPONSE };
  const refused = { swExitInfo1: BigInt(Ghcb.RESULT_MALFORMED) };
  const features = machine.core.control.sevFeatures;
  expect(event(machine, { ...create, info1: (1n << 32n) | 1n, rax: features })).toMatchObject(
    refused,
  );
  expect(event(machine, { ...create, info1: 1n, rax: features + 2n })).toMatchObject(refused);
  const huge = { ...create, info1: 1n, info2: 0x40_0000n, rax: features };
  expect(event(machine, huge)).toMatchObject(refused);
});

it('starts its processor anew from a VMSA that the guest made and marked', () => {
  const page = 0x40_1000;
  const machine = bootGuest({ mode: 'snp', host: 'hv', memory: 8 << 20 }, (guest) => {
    guest.pvalidate(page);
    guest.halt();
    guest.set(RAX, page);
    guest.set(RCX, 0);
    guest.set(RDX, 0x1_0001);
    guest.asm.op('rmpadjust');
    guest.halt();
  });
  runUntil(machine, Exit.HLT);
  const { core } = machine;
  // What the guest would write: its present state, with other registers.
  const frame = machine.vcpu.vmsaFrame ?? -1;
  machine.memory.read(frame * 4096, 1);
  const state = core.read(frame * 4096, 4096, machine.asid);
  Object.assign(view(Vmsa, state), { r12: 0x77n });
  core.write(page, state, machine.asid);
  runUntil(machine, Exit.HLT);
  machine.pages.makeShared(Number(GPA >> 12n), 1);
  machine.hypervisor.registeredGhcb = GPA;
  const rax = core.control.sevFeatures;
  const create = { code: BigInt(Event.AP_CREATION), info1: 1n, info2: BigInt(page), rax };
  expect(event(machine, create).swExitInfo1).toBe(0n);
  runUntil(machine, Exit.HLT);
  expect(core.state.r12).toBe(0x77n);
});

it('starts its processor anew from a VMSA that the guest made, if VMRUN takes it', () => {
  const machine = booted('hv');
  machine.vcpu.run(1);
  const rax = machine.core.control.sevFeatures;
  event(machine, { code: BigInt(Event.AP_CREATION), info1: 1n, info2: RESPONSE, rax });
  expect(machine.hypervisor.run(10)).toMatchObject({ cause: expect.stringContaining('VMSA page') });
});
