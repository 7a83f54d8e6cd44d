import * as Cpu from '../../../spec/cpu.ts';
import * as Injection from '../../../spec/event-injection.ts';
import type { View } from '../../../spec/layout.ts';
import type { Vmsa } from '../../../spec/layouts/vmsa.ts';
import * as Msr from '../../../spec/msr.ts';
import * as SevStatus from '../../../spec/sev-status.ts';
import type { RmpEntry } from '../core.ts';
import { VMPLS } from '../cpuid/model.ts';
import type { Mode } from '../mode.ts';

/** All that APM2 §3.1.3 defines up to CET and shadow stacks. */
const CR4_ALLOWED = 0xf7_1fffn;
const CR3_RESERVED = ~((1n << 52n) - 1n);
const HIGH = 0xffff_ffff_0000_0000n;
/** Features of a VMSA that this machine has. */
const FEATURES =
  BigInt(
    SevStatus.SNP |
      SevStatus.RESTRICTED_INJECTION |
      SevStatus.ALTERNATE_INJECTION |
      SevStatus.DEBUG_SWAP |
      SevStatus.PREVENT_HOST_IBS |
      SevStatus.BTB_ISOLATION |
      SevStatus.SECURE_TSC |
      SevStatus.VMSA_REG_PROT |
      SevStatus.SMT_PROTECTION |
      SevStatus.IBPB_ON_ENTRY,
  ) >> BigInt(SevStatus.FEATURES_SHIFT);
const BOTH_INJECTIONS =
  BigInt(SevStatus.RESTRICTED_INJECTION | SevStatus.ALTERNATE_INJECTION) >>
  BigInt(SevStatus.FEATURES_SHIFT);
const SNP_ACTIVE = BigInt(SevStatus.SNP) >> BigInt(SevStatus.FEATURES_SHIFT);

/** Why VMRUN refuses a VMSA, in words; undefined if it does not. APM2 §15.5.1, §15.36.12. */
export function refusedVmsa(save: View<typeof Vmsa>, mode: Mode): string | undefined {
  const { efer, sevFeatures } = save;
  if ((efer & BigInt(Msr.EFER_SVME)) === 0n) return 'EFER.SVME is 0';
  if (mode === 'snp' && (sevFeatures & SNP_ACTIVE) === 0n) return 'SEV_FEATURES without SNP';
  if (mode !== 'snp' && sevFeatures !== 0n) return 'SEV_FEATURES set in a guest that is not SNP';
  if ((sevFeatures & ~FEATURES) !== 0n) return 'SEV_FEATURES that this processor does not have';
  if ((sevFeatures & BOTH_INJECTIONS) === BOTH_INJECTIONS) {
    return 'restricted and alternate injection are both set';
  }
  if (mode === 'snp' && save.vmpl >= VMPLS) return 'a VMPL that this processor does not have';
  return refusedState(save);
}

/** Why VMRUN refuses a state of any guest. APM2 §15.5.1. */
export function refusedState(save: View<typeof Vmsa>): string | undefined {
  const { cr0, cr3, cr4, efer, cs } = save;
  const cr0Has = (bit: number) => (cr0 & BigInt(bit)) !== 0n;
  const eferHas = (bit: number) => (efer & BigInt(bit)) !== 0n;
  const pae = (cr4 & BigInt(Cpu.CR4_PAE)) !== 0n;
  if ((efer & ~BigInt(Msr.EFER_DEFINED)) !== 0n) return 'EFER has reserved bits set';
  if (!cr0Has(Cpu.CR0_CD) && cr0Has(Cpu.CR0_NW)) return 'CR0.NW is set without CR0.CD';
  if ((cr0 & HIGH) !== 0n) return 'CR0 has high bits set';
  if ((cr3 & CR3_RESERVED) !== 0n) return 'CR3 has reserved bits set';
  if ((cr4 & ~CR4_ALLOWED) !== 0n) return 'CR4 has reserved bits set';
  if (((save.dr6 | save.dr7) & HIGH) !== 0n) return 'DR6 or DR7 has high bits set';
  if (eferHas(Msr.EFER_LME) && cr0Has(Cpu.CR0_PG)) {
    if (!pae) return 'long mode without CR4.PAE';
    if (!cr0Has(Cpu.CR0_PE)) return 'long mode without CR0.PE';
    if ((cs.attributes & 0x600) === 0x600) return 'CS.L and CS.D are both set';
  }
  return undefined;
}

/** Why VMRUN refuses the page of an SNP guest's VMSA. APM2 table 15-41. */
export function refusedPage(entry: RmpEntry, asid: number, gfn: number): string | undefined {
  if (!entry.assigned || entry.asid !== asid) return "the VMSA page is not the guest's";
  if (entry.gfn !== gfn) return 'the VMSA page is another guest page';
  if (entry.immutable) return 'the VMSA page is immutable';
  if (!entry.vmsa) return 'the page is no VMSA';
  return undefined;
}

/** Exceptions that a hypervisor can inject; with 2 to 5, 9, 15, 20, 22 to 29 and 31 VMRUN is refused. Heckler, table 6. */
// biome-ignore format: as in the manual's table
const EXCEPTIONS: readonly number[] = [
  Cpu.VECTOR_DE, Cpu.VECTOR_DB, Cpu.VECTOR_UD, Cpu.VECTOR_NM, Cpu.VECTOR_DF, Cpu.VECTOR_TS, Cpu.VECTOR_NP,
  Cpu.VECTOR_SS, Cpu.VECTOR_GP, Cpu.VECTOR_PF, Cpu.VECTOR_MF, Cpu.VECTOR_AC, Cpu.VECTOR_MC, Cpu.VECTOR_XF,
  Cpu.VECTOR_CP, Cpu.VECTOR_SX,
];
/** Those of INT3, INTO and BOUND, which need the instruction. */
const SOFTWARE_EXCEPTIONS: readonly number[] = [Cpu.VECTOR_BP, Cpu.VECTOR_OF, Cpu.VECTOR_BR];

/** Why VMRUN refuses to inject `event` (EVENTINJ). APM2 §15.20, §15.36.16. */
export function refusedEvent(event: bigint, features: bigint, es: boolean): string | undefined {
  if ((event & BigInt(Injection.VALID)) === 0n) return undefined;
  const vector = Number(event & 0xffn);
  const type = Number((event >> BigInt(Injection.TYPE_SHIFT)) & 7n);
  const restricted = BigInt(SevStatus.RESTRICTED_INJECTION) >> BigInt(SevStatus.FEATURES_SHIFT);
  if ((features & restricted) !== 0n) {
    const plain = (event & BigInt(Injection.ERROR_VALID)) === 0n;
    if (vector === Cpu.VECTOR_HV && type === Injection.TYPE_EXCEPTION && plain) return undefined;
    return 'restricted injection allows #HV alone';
  }
  switch (type) {
    case Injection.TYPE_INTERRUPT:
    case Injection.TYPE_NMI:
      return undefined;
    case Injection.TYPE_EXCEPTION:
      if (!EXCEPTIONS.includes(vector) && !SOFTWARE_EXCEPTIONS.includes(vector)) {
        return `vector ${vector} is no exception that can be injected`;
      }
      if (es && SOFTWARE_EXCEPTIONS.includes(vector)) {
        return `vector ${vector} cannot be injected into a guest with protected state`;
      }
      return undefined;
    case Injection.TYPE_SOFTWARE:
      return es ? 'software interrupts cannot be injected' : undefined;
    default:
      return `EVENTINJ type ${type} is reserved`;
  }
}
