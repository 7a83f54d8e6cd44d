import * as Termination from '../spec/abi/termination.ts';
import * as Cpuid from '../spec/cpuid.ts';
import { EAX, EBX, ECX, EDX } from '../tools/compiler/x86/operand.ts';
import { type Code32, record } from './code32.ts';

/** What the code of an image may use: the levels of the x86-64 psABI, §3.1.1. */
export type CpuLevel = 'x86-64' | 'x86-64-v2' | 'x86-64-v3';

interface Requirement {
  readonly leaf: number;
  readonly ebx?: number;
  readonly ecx?: number;
  readonly edx?: number;
}

const BASELINE: readonly Requirement[] = [
  {
    leaf: Cpuid.LEAF_FEATURES,
    edx:
      Cpuid.EDX_TSC |
      Cpuid.EDX_MSR |
      Cpuid.EDX_PAE |
      Cpuid.EDX_CX8 |
      Cpuid.EDX_CMOV |
      Cpuid.EDX_FXSR |
      Cpuid.EDX_SSE |
      Cpuid.EDX_SSE2,
  },
  { leaf: Cpuid.LEAF_EXTENDED_FEATURES, edx: Cpuid.EDX_NX | Cpuid.EDX_LONG_MODE },
];

const V2: readonly Requirement[] = [
  ...BASELINE,
  {
    leaf: Cpuid.LEAF_FEATURES,
    ecx:
      Cpuid.ECX_SSE3 |
      Cpuid.ECX_SSSE3 |
      Cpuid.ECX_CX16 |
      Cpuid.ECX_SSE41 |
      Cpuid.ECX_SSE42 |
      Cpuid.ECX_POPCNT,
  },
  { leaf: Cpuid.LEAF_EXTENDED_FEATURES, ecx: Cpuid.ECX_LAHF },
];

/** But for FMA and F16C: Wasm rounds each result, and has no halves of floats, so our code uses neither. */
const V3: readonly Requirement[] = [
  ...V2,
  {
    leaf: Cpuid.LEAF_FEATURES,
    ecx: Cpuid.ECX_MOVBE | Cpuid.ECX_XSAVE | Cpuid.ECX_AVX,
  },
  {
    leaf: Cpuid.LEAF_STRUCTURED_FEATURES,
    ebx: Cpuid.EBX_BMI1 | Cpuid.EBX_AVX2 | Cpuid.EBX_BMI2,
  },
  { leaf: Cpuid.LEAF_EXTENDED_FEATURES, ecx: Cpuid.ECX_LZCNT },
];

const REQUIREMENTS: Record<CpuLevel, readonly Requirement[]> = {
  'x86-64': BASELINE,
  'x86-64-v2': V2,
  'x86-64-v3': V3,
};

/**
 * Ends the guest if the CPU lacks something that the image was built for, after record.cpuidMax is
 * filled in: a leaf above the highest one may answer with another leaf's bits.
 */
export function assembleFeatureCheck(asm: Code32, level: CpuLevel): void {
  const requirements = REQUIREMENTS[level];
  const isExtended = ({ leaf }: Requirement) => leaf >= Cpuid.LEAF_EXTENDED;
  const highest = (list: readonly Requirement[]) => Math.max(...list.map(({ leaf }) => leaf));

  asm.op('xor r32, r/m32', EAX, EAX);
  asm.op('call rel32', asm.cpuid);
  asm.op('mov r/m32, r32', record('cpuidMax'), EAX);
  asm.op('cmp eax, imm32', highest(requirements.filter((r) => !isExtended(r))));
  asm.require('ae', Termination.CPU_FEATURE_MISSING);
  asm.op('mov r32, imm32', EAX, Cpuid.LEAF_EXTENDED);
  asm.op('call rel32', asm.cpuid);
  asm.op('cmp eax, imm32', highest(requirements.filter(isExtended)));
  asm.require('ae', Termination.CPU_FEATURE_MISSING);

  for (const { leaf, ebx, ecx, edx } of requirements) {
    asm.op('mov r32, imm32', EAX, leaf);
    asm.op('call rel32', asm.cpuid);
    for (const [register, bits] of [
      [EBX, ebx],
      [ECX, ecx],
      [EDX, edx],
    ] as const) {
      if (bits === undefined) continue;
      asm.op('and r/m32, imm32', register, bits);
      asm.op('cmp r/m32, imm32', register, bits);
      asm.require('e', Termination.CPU_FEATURE_MISSING);
    }
  }
}
