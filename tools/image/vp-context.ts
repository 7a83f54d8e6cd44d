import * as Cpu from '../../spec/cpu.ts';
import { view } from '../../spec/layout.ts';
import { IgvmNativeContext } from '../../spec/layouts/igvm.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';

/**
 * The CPU as the shim expects it at every entry: 32-bit protected mode with flat segments, no
 * paging, interrupts off. PVH, pvh.pandoc; the selectors are anyone's choice and those of no table.
 */
const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const FLAT = 0xffff_ffff;
/** Access byte, then 4 KiB granularity and 32 bits: in a VMSA right above it, in a descriptor 4 up. */
const CODE = { access: 0x9b, flags: 0xc };
const DATA = { access: 0x93, flags: 0xc };

const RESET = {
  dr6: 0xffff_0ff0n,
  dr7: 0x400n,
  pat: 0x0007_0406_0007_0406n,
  mxcsr: 0x1f80,
  x87Fcw: 0x37f,
} as const;

/** EFER.SVME: the CPU wants it in every VMSA, and KVM measures it there. APM2 §15.35.10. */
const EFER_SVME = 0x1000n;

/**
 * A VMSA that starts at `rip`, with fields that QEMU lets an IGVM file set and no other.
 *
 * @param sevFeatures VMSA.SEV_FEATURES: 0 for SEV-ES.
 */
export function vmsa(rip: number, sevFeatures: bigint): Uint8Array {
  const page = new Uint8Array(Vmsa.size);
  const state = view(Vmsa, page);
  const attributes = ({ access, flags }: typeof CODE) => access | (flags << 8);
  for (const segment of [state.es, state.ss, state.ds, state.fs, state.gs]) {
    Object.assign(segment, {
      selector: DATA_SELECTOR,
      attributes: attributes(DATA),
      limit: FLAT,
    });
  }
  Object.assign(state.cs, { selector: CODE_SELECTOR, attributes: attributes(CODE), limit: FLAT });
  Object.assign(state.ldtr, { attributes: 0x82, limit: 0xffff });
  Object.assign(state.tr, { attributes: 0x8b, limit: 0x67 });
  Object.assign(state, {
    efer: EFER_SVME,
    // What KVM measures for an entry in protected mode: with the hardwired ET, and with NE.
    cr0: BigInt(Cpu.CR0_PE | Cpu.CR0_ET | Cpu.CR0_NE),
    dr6: RESET.dr6,
    dr7: RESET.dr7,
    rflags: BigInt(Cpu.RFLAGS_FIXED),
    rip: BigInt(rip),
    gPat: RESET.pat,
    xcr0: 1n,
    mxcsr: RESET.mxcsr,
    x87Fcw: RESET.x87Fcw,
    sevFeatures,
  });
  return page;
}

/** The same state in the form of the native and SEV platforms. IGVM, IgvmNativeVpContextX64. */
export function nativeContext(rip: number): Uint8Array {
  const bytes = new Uint8Array(IgvmNativeContext.size);
  const attributes = ({ access, flags }: typeof CODE) => access | (flags << 12);
  Object.assign(view(IgvmNativeContext, bytes), {
    rip: BigInt(rip),
    rflags: BigInt(Cpu.RFLAGS_FIXED),
    codeSelector: CODE_SELECTOR,
    codeAttributes: attributes(CODE),
    codeLimit: FLAT,
    dataSelector: DATA_SELECTOR,
    dataAttributes: attributes(DATA),
    dataLimit: FLAT,
    cr0: BigInt(Cpu.CR0_PE | Cpu.CR0_ET),
  });
  return bytes;
}
