import * as Cpu from '../../../spec/cpu.ts';
import { type View, view } from '../../../spec/layout.ts';
import { IgvmNativeContext } from '../../../spec/layouts/igvm.ts';
import { Vmsa, type VmsaSegment } from '../../../spec/layouts/vmsa.ts';
import * as Msr from '../../../spec/msr.ts';
import { PAGE } from '../hypervisor/guest-memory.ts';
import { GENERAL_REGISTERS } from '../registers.ts';

/** Attributes of VMSA segments: bits 8..23 of a descriptor without the gap in them. APM2 §4.8. */
const CODE_32 = 0xc9b;
const DATA_32 = 0xc93;
const TSS_BUSY_32 = 0x08b;
const LDT = 0x082;
const RESET_PAT = 0x0007_0406_0007_0406n;
const FLAT = 0xffff_ffff;

/** A save area as it is after reset, with nothing in it that depends on the guest. APM2 §14.1.3. */
export function resetState(): Uint8Array {
  const page = new Uint8Array(PAGE);
  const save = view(Vmsa, page);
  save.rflags = BigInt(Cpu.RFLAGS_FIXED);
  save.dr6 = 0xffff_0ff0n;
  save.dr7 = 0x400n;
  save.gPat = RESET_PAT;
  save.xcr0 = 1n;
  save.mxcsr = 0x1f80;
  save.x87Fcw = 0x37f;
  save.x87Ftw = 0xffff;
  for (const table of [save.gdtr, save.idtr, save.ldtr, save.tr]) table.limit = 0xffff;
  save.ldtr.attributes = LDT;
  save.tr.attributes = TSS_BUSY_32;
  return page;
}

/**
 * The state in which a PVH guest is entered: 32 bits, no paging, EBX at the start_info. With
 * `protectedState` the page is a VMSA: EFER.SVME and the CR0 that KVM measures. PVH, "CPU state".
 */
export function pvhState(entry: number, startInfo: number, protectedState: boolean): Uint8Array {
  const page = resetState();
  const save = view(Vmsa, page);
  setSegment(save.cs, 0x08, CODE_32);
  for (const data of [save.ds, save.es, save.ss, save.fs, save.gs]) setSegment(data, 0x10, DATA_32);
  setSegment(save.tr, 0x18, TSS_BUSY_32);
  save.tr.limit = 0x67;
  save.gdtr.limit = 0;
  save.idtr.limit = 0;
  save.rip = BigInt(entry);
  save.rbx = BigInt(startInfo);
  save.cr0 = BigInt(Cpu.CR0_PE | Cpu.CR0_ET);
  if (protectedState) {
    save.cr0 |= BigInt(Cpu.CR0_NE);
    save.efer = BigInt(Msr.EFER_SVME);
  }
  return page;
}

/** The save area of a vCPU that an IGVM file's native context describes. IGVM, IgvmNativeVpContextX64. */
export function nativeState(context: Uint8Array): Uint8Array {
  const page = resetState();
  const save = view(Vmsa, page);
  const from = view(IgvmNativeContext, context);
  for (const name of REGISTERS) save[name] = from[name];
  save.idtr.base = from.idtBase;
  save.idtr.limit = from.idtLimit;
  save.gdtr.base = from.gdtBase;
  save.gdtr.limit = from.gdtLimit;
  setSegment(save.cs, from.codeSelector, packAttributes(from.codeAttributes));
  save.cs.base = BigInt(from.codeBase);
  save.cs.limit = from.codeLimit;
  for (const data of [save.ds, save.es, save.ss, save.fs, save.gs]) {
    setSegment(data, from.dataSelector, packAttributes(from.dataAttributes));
    data.base = BigInt(from.dataBase);
    data.limit = from.dataLimit;
  }
  save.gs.base = from.gsBase;
  return page;
}

const REGISTERS = [
  ...GENERAL_REGISTERS,
  ...(['rip', 'rflags', 'cr0', 'cr3', 'cr4', 'efer'] as const),
] as const;

/** From descriptor bits 8..23 as they are to the VMSA's form, where bits 15:12 are at 11:8. */
function packAttributes(attributes: number): number {
  return (attributes & 0xff) | ((attributes >> 4) & 0xf00);
}

function setSegment(to: View<typeof VmsaSegment>, selector: number, attributes: number): void {
  to.selector = selector;
  to.attributes = attributes;
  to.limit = FLAT;
  to.base = 0n;
}
