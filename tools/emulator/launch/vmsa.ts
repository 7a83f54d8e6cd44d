import { type Field, sizeOf, view } from '../../../spec/layout.ts';
import { Vmsa } from '../../../spec/layouts/vmsa.ts';
import * as Msr from '../../../spec/msr.ts';
import { UserError } from '../../errors.ts';

/** Fields that KVM takes over from a VMSA that it is given. QEMU target/i386/sev.c. */
const TAKEN: readonly (keyof typeof Vmsa.fields)[] = [
  ...(['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'gdtr', 'ldtr', 'idtr', 'tr'] as const),
  ...(['efer', 'cr0', 'cr3', 'cr4', 'xcr0', 'dr6', 'dr7', 'rflags', 'rip', 'rsp'] as const),
  ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'gPat', 'x87Fcw', 'mxcsr'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'sevFeatures'] as const),
];

/**
 * The VMSA that KVM makes of the one in the file: SVME set, the host's own `features`. What KVM
 * could not express is refused.
 */
export function hostVmsa(page: Uint8Array, features: bigint): Uint8Array {
  const rest = new Uint8Array(page);
  for (const name of TAKEN) {
    const field: Field = Vmsa.fields[name];
    rest.fill(0, field.offset, field.offset + sizeOf(field));
  }
  const stray = rest.findIndex((byte) => byte !== 0);
  if (stray >= 0) {
    throw new UserError(`the VMSA of the IGVM file has offset 0x${stray.toString(16)} set`);
  }
  const result = new Uint8Array(page);
  const save = view(Vmsa, result);
  save.efer |= BigInt(Msr.EFER_SVME);
  save.sevFeatures = features;
  return result;
}
