import * as Cpuid from '../../../spec/cpuid.ts';
import type { Mode } from '../mode.ts';

export interface CpuidRegisters {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** A function of CPUID; without `subleaf` ECX does not matter. */
export interface CpuidLeaf extends CpuidRegisters {
  readonly leaf: number;
  readonly subleaf?: number;
}

/** Position of the C-bit on this processor, as on AMD's own. */
export const C_BIT = 51;
/** Family 25, model 1, stepping 1: EPYC 7003, in CPUID's form. */
export const FMS = 0x00a0_0f11;
/** Encrypted guests that can be told apart, and the first id of those without protected state. */
export const MAX_ASID = 509;
export const MIN_SEV_ASID = 100;

const MAX_STANDARD = 0x0000_000d;
const MAX_EXTENDED = 0x8000_001f;
const MAX_HYPERVISOR = 0x4000_0010;
const HYPERVISOR_LEAF = 0x4000_0000;
/** EAX: kHz of the time stamp counter, EBX: of the APIC's timer. */
const TIMING_LEAF = 0x4000_0010;
export const TSC_KHZ = 1_000_000;
const VENDOR = 'AuthenticAMD';
const BRAND = 'AMD EPYC 7003, as the Tacit machine has it';
const HYPERVISOR = 'TacitMachine';

/** Leaf 1 EBX: one logical processor, cache lines of eight quadwords, APIC id 0. */
const ONE_PROCESSOR = 0x0001_0800;
/** Features that leaf 8000_0001h EDX repeats from leaf 1. APM3 appendix E.4.2. */
const REPEATED = 0x0183_f3ff;

const LEAF_1_EDX =
  Cpuid.EDX_FPU |
  Cpuid.EDX_PSE |
  Cpuid.EDX_SEP |
  Cpuid.EDX_CLFLUSH |
  Cpuid.EDX_TSC |
  Cpuid.EDX_MSR |
  Cpuid.EDX_PAE |
  Cpuid.EDX_APIC |
  (Cpuid.EDX_CX8 | Cpuid.EDX_PGE | Cpuid.EDX_CMOV | Cpuid.EDX_FXSR | Cpuid.EDX_SSE) |
  Cpuid.EDX_SSE2;
const LEAF_1_ECX =
  Cpuid.ECX_XSAVE |
  Cpuid.ECX_AVX |
  Cpuid.ECX_PCLMULQDQ |
  Cpuid.ECX_AES |
  Cpuid.ECX_X2APIC |
  (Cpuid.ECX_SSE3 | Cpuid.ECX_SSSE3 | Cpuid.ECX_SSE41 | Cpuid.ECX_SSE42) |
  (Cpuid.ECX_CX16 | Cpuid.ECX_MOVBE | Cpuid.ECX_POPCNT | Cpuid.ECX_RDRAND);
const LEAF_7_EBX =
  Cpuid.EBX_FSGSBASE |
  Cpuid.EBX_SMEP |
  Cpuid.EBX_INVPCID |
  Cpuid.EBX_SMAP |
  Cpuid.EBX_CLFLUSHOPT |
  Cpuid.EBX_CLWB |
  (Cpuid.EBX_AVX2 | Cpuid.EBX_BMI1 | Cpuid.EBX_BMI2 | Cpuid.EBX_RDSEED);
const LEAF_1_EXTENDED_EDX =
  (LEAF_1_EDX & REPEATED) |
  Cpuid.EDX_PAGE_1G |
  Cpuid.EDX_RDTSCP |
  (Cpuid.EDX_SYSCALL | Cpuid.EDX_NX | Cpuid.EDX_LONG_MODE);

const INVARIANT_TSC = 0x100;
/** What XCR0 can switch on: x87, SSE and AVX state. APM2 §11.5.2. */
const XCR0_BITS = 7;
const XCR0_AVX = 4n;
/** Bytes of XSAVE's area up to where AVX state begins, and with it. */
const XSAVE_LEGACY = 0x240;
const XSAVE_ALL = 0x340;
/** Physical, linear addresses: 48 bits each. */
const ADDRESS_BITS = 0x3030;
/** Bits of the address space that encryption costs a guest: the C-bit. */
const REDUCTION = 1;
/** Privilege levels of a guest's. */
export const VMPLS = 4;

/** What the processor answers: the truth that the AMD-SP holds a hypervisor's claims against. */
export const PROCESSOR: readonly CpuidLeaf[] = [
  { leaf: 0, eax: MAX_STANDARD, ...vendor(VENDOR) },
  { leaf: 1, eax: FMS, ebx: ONE_PROCESSOR, ecx: LEAF_1_ECX, edx: LEAF_1_EDX },
  { leaf: 7, subleaf: 0, eax: 0, ebx: LEAF_7_EBX, ecx: Cpuid.ECX_RDPID, edx: 0 },
  { leaf: 0xb, subleaf: 0, eax: 0, ebx: 1, ecx: 0x100, edx: 0 },
  { leaf: 0xb, subleaf: 1, eax: 0, ebx: 1, ecx: 0x201, edx: 0 },
  { leaf: 0xd, subleaf: 0, eax: XCR0_BITS, ebx: XSAVE_LEGACY, ecx: XSAVE_ALL, edx: 0 },
  { leaf: 0xd, subleaf: 1, eax: 0, ebx: 0, ecx: 0, edx: 0 },
  { leaf: 0xd, subleaf: 2, eax: XSAVE_ALL - XSAVE_LEGACY, ebx: XSAVE_LEGACY, ecx: 0, edx: 0 },
  { leaf: 0x8000_0000, eax: MAX_EXTENDED, ...vendor(VENDOR) },
  {
    leaf: 0x8000_0001,
    eax: FMS,
    ebx: 0,
    ecx: Cpuid.ECX_LAHF | Cpuid.ECX_LZCNT | Cpuid.ECX_PREFETCH,
    edx: LEAF_1_EXTENDED_EDX,
  },
  { leaf: 0x8000_0002, ...text(BRAND, 0) },
  { leaf: 0x8000_0003, ...text(BRAND, 16) },
  { leaf: 0x8000_0004, ...text(BRAND, 32) },
  { leaf: 0x8000_0007, eax: 0, ebx: 0, ecx: 0, edx: INVARIANT_TSC },
  { leaf: 0x8000_0008, eax: ADDRESS_BITS, ebx: 0, ecx: 0, edx: 0 },
  {
    leaf: 0x8000_001f,
    eax:
      Cpuid.EAX_SEV |
      Cpuid.EAX_SEV_ES |
      Cpuid.EAX_SNP |
      Cpuid.EAX_VMPL |
      (Cpuid.EAX_COHERENT | Cpuid.EAX_64_BIT_HOST | Cpuid.EAX_RESTRICTED_INJECTION),
    ebx: C_BIT | (REDUCTION << 6) | (VMPLS << 12),
    ecx: MAX_ASID,
    edx: MIN_SEV_ASID,
  },
];

/** What a guest in `mode` is shown: the processor, as QEMU and KVM present it to a guest. */
export function guestLeaves(mode: Mode): readonly CpuidLeaf[] {
  const shown = PROCESSOR.map((row) => {
    if (row.leaf === Cpuid.LEAF_FEATURES) {
      return { ...row, ecx: (row.ecx | Cpuid.ECX_HYPERVISOR) >>> 0 };
    }
    if (row.leaf !== Cpuid.LEAF_ENCRYPTED_MEMORY) return row;
    const ebx = mode === 'none' ? 0 : C_BIT | (REDUCTION << 6);
    return { leaf: row.leaf, eax: ENCRYPTION[mode], ebx, ecx: 0, edx: 0 };
  });
  return [
    ...shown,
    { leaf: HYPERVISOR_LEAF, eax: MAX_HYPERVISOR, ...hypervisor(HYPERVISOR) },
    { leaf: TIMING_LEAF, eax: TSC_KHZ, ebx: TSC_KHZ, ecx: 0, edx: 0 },
  ];
}

const ENCRYPTION: Readonly<Record<Mode, number>> = {
  none: 0,
  sev: Cpuid.EAX_SEV,
  'sev-es': Cpuid.EAX_SEV | Cpuid.EAX_SEV_ES,
  snp: Cpuid.EAX_SEV | Cpuid.EAX_SEV_ES | Cpuid.EAX_SNP,
};

const NOTHING: CpuidRegisters = { eax: 0, ebx: 0, ecx: 0, edx: 0 };

/** The function in `leaves`; what is not in there is all zeros, as on AMD's processors. */
export function lookUp(leaves: readonly CpuidLeaf[], leaf: number, subleaf: number) {
  const found = leaves.find(
    (row) => row.leaf === leaf && (row.subleaf === undefined || row.subleaf === subleaf),
  );
  return found ?? NOTHING;
}

/** Bytes that XSAVE needs for the state that XCR0 switches on: EBX of leaf Dh. APM3 appendix E.3.6. */
export function xsaveSize(xcr0: bigint): number {
  return (xcr0 & XCR0_AVX) === 0n ? XSAVE_LEGACY : XSAVE_ALL;
}

/** Twelve characters in EBX, EDX, ECX. */
function vendor(name: string) {
  return { ebx: word(name, 0), edx: word(name, 4), ecx: word(name, 8) };
}

/** Twelve characters in EBX, ECX, EDX. */
function hypervisor(name: string) {
  return { ebx: word(name, 0), ecx: word(name, 4), edx: word(name, 8) };
}

/** Sixteen characters from `from` on, in EAX, EBX, ECX, EDX. */
function text(name: string, from: number): CpuidRegisters {
  const at = (offset: number) => word(name, from + offset);
  return { eax: at(0), ebx: at(4), ecx: at(8), edx: at(12) };
}

function word(text: string, from: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = value * 256 + (text.charCodeAt(from + i) || 0);
  return value;
}
