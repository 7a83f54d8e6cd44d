import { describe, expect, it } from 'vitest';
import { VECTOR_BP, VECTOR_GP, VECTOR_HV, VECTOR_NMI } from '../../../spec/cpu.ts';
import * as Exit from '../../../spec/exit.ts';
import * as GhcbEvent from '../../../spec/ghcb-event.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import { EXIT_UNIMPLEMENTED } from '../core.ts';
import { createMachine } from '../machine.ts';
import { refusedEvent, refusedPage, refusedVmsa } from './checks.ts';
import { resetState } from './entry-state.ts';
import { eventName, exitName, requestName } from './exit-names.ts';
import { loadState, sevStatus, storeState } from './state.ts';

const SVME = 0x1000n;
const SNP = 1n;
const RESTRICTED = 1n << 3n;

/** A state that VMRUN accepts for an SNP guest, with some fields changed. */
function state(fields: Readonly<Record<string, bigint>> = {}) {
  const page = resetState();
  const save = view(Vmsa, page);
  Object.assign(save, { efer: SVME, cr0: 0x31n, sevFeatures: SNP, ...fields });
  return save;
}

describe('VMRUN', () => {
  it('accepts the state after reset and one in long mode', () => {
    expect(refusedVmsa(state(), 'snp')).toBeUndefined();
    const long = { cr0: 0x8000_0031n, cr4: 0x20n, efer: SVME | 0xd00n, cr3: 1n << 51n };
    expect(refusedVmsa(state(long), 'snp')).toBeUndefined();
    expect(refusedVmsa(state({ sevFeatures: 0n }), 'sev-es')).toBeUndefined();
  });

  it.each<[string, Record<string, bigint>]>([
    ['EFER.SVME', { efer: 0n }],
    ['EFER has reserved', { efer: SVME | 2n }],
    ['CR0.NW', { cr0: 0x2000_0011n }],
    ['CR0 has high', { cr0: 1n << 32n }],
    ['CR3', { cr3: 1n << 52n }],
    ['CR4', { cr4: 1n << 30n }],
    ['DR6 or DR7', { dr6: 1n << 32n }],
    ['DR6 or DR7', { dr7: 1n << 32n }],
    ['without CR4.PAE', { efer: SVME | 0x100n, cr0: 0x8000_0011n }],
    ['without CR0.PE', { efer: SVME | 0x100n, cr0: 0x8000_0010n, cr4: 0x20n }],
    ['without SNP', { sevFeatures: 0n }],
    ['does not have', { sevFeatures: SNP | (1n << 2n) }],
    ['EFER has reserved', { efer: SVME | 0x8000n }],
  ])('refuses a state: %s', (message, fields) => {
    expect(refusedVmsa(state(fields), 'snp')).toContain(message);
  });

  it('refuses a VMPL that there is not', () => {
    const levels = [3, 4, 255].map((vmpl) => refusedVmsa(Object.assign(state(), { vmpl }), 'snp'));
    expect(levels).toEqual([undefined, ...Array(2).fill(expect.stringContaining('VMPL'))]);
  });

  it('refuses a code segment of two sizes, and SNP features in a guest without it', () => {
    const save = state({ cr0: 0x8000_0031n, cr4: 0x20n, efer: SVME | 0x500n });
    save.cs.attributes = 0xe9b;
    expect(refusedVmsa(save, 'snp')).toContain('CS.L');
    expect(refusedVmsa(state(), 'sev-es')).toContain('not SNP');
  });

  it('refuses such a state of a guest without protected state too', () => {
    const machine = createMachine({ mode: 'none', memory: 2 ** 21 });
    const page = resetState();
    view(Vmsa, page).cr0 = 0x2000_0011n;
    machine.vcpu.start(page);
    expect(machine.hypervisor.run(10)).toEqual({
      kind: 'shutdown',
      cause: 'VMRUN refused: CR0.NW is set without CR0.CD',
    });
  });

  it('refuses a VMSA page that is not this guest’s, mutable, and a VMSA', () => {
    const entry = {
      assigned: true,
      huge: false,
      immutable: false,
      gfn: 7,
      asid: 1,
      vmsa: true,
      validated: true,
      permissions: [15, 0, 0, 0] as [number, number, number, number],
    };
    expect(refusedPage(entry, 1, 7)).toBeUndefined();
    for (const change of [
      { assigned: false },
      { asid: 2 },
      { gfn: 8 },
      { immutable: true },
      { vmsa: false },
    ]) {
      expect(refusedPage({ ...entry, ...change }, 1, 7)).toBeDefined();
    }
  });

  const valid = (vector: number, type: number, error = false) =>
    BigInt(vector | (type << 8) | (error ? 0x800 : 0)) | 0x8000_0000n;

  it.each<[string, bigint, bigint, boolean, boolean]>([
    ['nothing', 0n, RESTRICTED, true, true],
    ['an interrupt', valid(32, 0), 0n, true, true],
    ['an NMI', valid(VECTOR_NMI, 2), 0n, true, true],
    ['#GP', valid(VECTOR_GP, 3, true), 0n, true, true],
    ['an exception beyond 31', valid(32, 3), 0n, true, false],
    ['an NMI as exception', valid(VECTOR_NMI, 3), 0n, true, false],
    ['#BP with protected state', valid(VECTOR_BP, 3), 0n, true, false],
    ['#BP without', valid(VECTOR_BP, 3), 0n, false, true],
    ['a software interrupt with protected state', valid(0x80, 4), 0n, true, false],
    ['a reserved type', valid(32, 1), 0n, true, false],
    ['#HV under restricted injection', valid(VECTOR_HV, 3), RESTRICTED, true, true],
    ['#HV with an error code', valid(VECTOR_HV, 3, true), RESTRICTED, true, false],
    ['an interrupt under restricted injection', valid(32, 0), RESTRICTED, true, false],
  ])('takes or refuses to inject %s', (_what, event, features, es, accepted) => {
    expect(refusedEvent(event, features, es) === undefined).toBe(accepted);
  });
});

describe('a VMSA', () => {
  it('keeps each register through load and store', () => {
    const page = new Uint8Array(4096);
    const save = view(Vmsa, page);
    for (const [index, [name, field]] of Object.entries(Vmsa.fields).entries()) {
      if (field.kind === 'u64') Object.assign(save, { [name]: BigInt(index) * 0x1_0001n });
    }
    for (const name of [
      'es',
      'cs',
      'ss',
      'ds',
      'fs',
      'gs',
      'gdtr',
      'ldtr',
      'idtr',
      'tr',
    ] as const) {
      Object.assign(save[name], { selector: 8, attributes: 0xa9b, limit: 77, base: 0x1234n });
    }
    save.xmm.fill(0x5a);
    save.x87Registers.set(Array.from({ length: 80 }, (_, i) => i));
    Object.assign(save, { mxcsr: 0x1f80, x87Fcw: 0x37f, x87Fsw: 5, x87Ftw: 6, x87Fop: 7 });
    Object.assign(save, { cpl: 3, tscAux: 9, pkru: 11 });
    const { state: registers } = createMachine({ mode: 'none', memory: 2 ** 21 }).core;
    loadState(registers, page);
    const stored = new Uint8Array(4096);
    storeState(registers, stored);
    const after = view(Vmsa, stored);
    const kept = [
      'rax',
      'r15',
      'rip',
      'rflags',
      'cr0',
      'cr3',
      'cr4',
      'efer',
      'gPat',
      'dr7',
      'xcr0',
    ];
    for (const name of [...kept, 'star', 'kernelGsBase', 'sysenterEip', 'cr2', 'dbgctl'] as const) {
      const key = name as 'rax';
      expect(after[key], name).toBe(save[key]);
    }
    expect(after.cs).toMatchObject({ selector: 8, attributes: 0xa9b, limit: 77, base: 0x1234n });
    expect(after.xmm).toEqual(save.xmm);
    expect(after.x87Registers).toEqual(save.x87Registers);
    expect([after.mxcsr, after.x87Fcw, after.cpl, after.tscAux, after.pkru]).toEqual([
      0x1f80, 0x37f, 3, 9, 11,
    ]);
  });

  it('shows its features two bits up in SEV_STATUS', () => {
    expect([sevStatus(0n), sevStatus(SNP), sevStatus(SNP | RESTRICTED)]).toEqual([3n, 7n, 0x27n]);
  });
});

it('names exits as the manual, and events of the GHCB', () => {
  const codes = [0x00, 0x14, 0x27, 0x4e, Exit.CPUID, 0x94, Exit.NPF, 0xffff_ffff, 0xe0];
  expect([...codes, EXIT_UNIMPLEMENTED].map(exitName)).toEqual([
    ...['CR0_READ', 'CR4_WRITE', 'DR7_READ', 'EXCP14', 'CPUID', 'CR4_WRITE_TRAP', 'NPF'],
    ...['INVALID', 'EXIT_0xe0', 'UNIMPLEMENTED'],
  ]);
  expect(eventName(GhcbEvent.PAGE_STATE_CHANGE)).toBe('PAGE_STATE_CHANGE');
  expect(eventName(Exit.IOIO)).toBe('IOIO');
  expect([requestName(0x012), requestName(0x7ff)]).toEqual(['REGISTER_GHCB_REQUEST', '0x7ff']);
});
