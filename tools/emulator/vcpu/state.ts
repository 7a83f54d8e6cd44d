import type { View } from '../../../spec/layout.ts';
import { view } from '../../../spec/layout.ts';
import { Vmsa, type VmsaSegment } from '../../../spec/layouts/vmsa.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import type { Core } from '../core.ts';
import { GENERAL_REGISTERS } from '../registers.ts';

type State = Core['state'];

const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'gdtr', 'ldtr', 'idtr', 'tr'] as const;

/** Registers that have one name and one size in both. */
const WORDS = [
  ...GENERAL_REGISTERS,
  ...(['rip', 'rflags', 'cr0', 'cr2', 'cr3', 'cr4', 'efer'] as const),
  ...(['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'] as const),
  ...(['star', 'lstar', 'cstar', 'sfmask', 'kernelGsBase'] as const),
  ...(['sysenterCs', 'sysenterEsp', 'sysenterEip', 'xcr0', 'xss'] as const),
] as const;

const X87_REGISTERS = 8;
const X87_SIZE = 10;
const X87_STRIDE = 16;

/** Fills the processor's registers from the save area `page`, as VMRUN does. APM2 §15.35.8. */
export function loadState(state: State, page: Uint8Array): void {
  const save = view(Vmsa, page);
  for (const name of SEGMENTS) copySegment(state[name], save[name]);
  for (const name of WORDS) state[name] = save[name];
  state.cpl = save.cpl;
  state.pat = save.gPat;
  state.debugControl = save.dbgctl;
  state.tscAux = save.tscAux;
  state.pkru = save.pkru;
  state.mxcsr = save.mxcsr;
  state.x87Control = save.x87Fcw;
  state.x87Status = save.x87Fsw;
  state.x87Tag = save.x87Ftw;
  state.x87Opcode = save.x87Fop;
  for (let i = 0; i < X87_REGISTERS; i++) {
    state.x87.set(save.x87Registers.subarray(i * X87_SIZE, (i + 1) * X87_SIZE), i * X87_STRIDE);
  }
  state.xmm.set(save.xmm);
  state.ymmHigh.set(save.ymmHigh);
}

/** Puts the processor's registers into the save area `page`, as #VMEXIT does. APM2 §15.35.9. */
export function storeState(state: State, page: Uint8Array): void {
  const save = view(Vmsa, page);
  for (const name of SEGMENTS) copySegment(save[name], state[name]);
  for (const name of WORDS) save[name] = state[name];
  save.cpl = state.cpl;
  save.gPat = state.pat;
  save.dbgctl = state.debugControl;
  save.tscAux = state.tscAux;
  save.pkru = state.pkru;
  save.mxcsr = state.mxcsr;
  save.x87Fcw = state.x87Control;
  save.x87Fsw = state.x87Status;
  save.x87Ftw = state.x87Tag;
  save.x87Fop = state.x87Opcode;
  for (let i = 0; i < X87_REGISTERS; i++) {
    const register = state.x87.subarray(i * X87_STRIDE, i * X87_STRIDE + X87_SIZE);
    save.x87Registers.set(register, i * X87_SIZE);
  }
  save.xmm.set(state.xmm);
  save.ymmHigh.set(state.ymmHigh);
}

/** MSR SEV_STATUS of a guest whose VMSA has `features`. APM2 §15.34.10. */
export function sevStatus(features: bigint): bigint {
  const always = BigInt(SevStatus.SEV | SevStatus.SEV_ES);
  return (features << BigInt(SevStatus.FEATURES_SHIFT)) | always;
}

function copySegment(to: View<typeof VmsaSegment>, from: View<typeof VmsaSegment>): void {
  to.selector = from.selector;
  to.attributes = from.attributes;
  to.limit = from.limit;
  to.base = from.base;
}
