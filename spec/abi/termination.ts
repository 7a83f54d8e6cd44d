/**
 * Why a guest ended itself: bits 15:8 the set, bits 7:0 the reason in it. Told to the host by the
 * GHCB MSR protocol (GHCB §4.1.12) or, where there is none, through port EXIT_PORT. A number, once
 * given, keeps its meaning. docs/termination.md has a line for each.
 *
 *   set 0   what the GHCB specification fixes
 *   set 7   ours
 */

import * as Standard from '../termination.ts';

export const GENERAL: u32 = Standard.GENERAL;
export const PROTOCOL_VERSION_UNSUPPORTED: u32 = Standard.PROTOCOL_VERSION_UNSUPPORTED;
export const SNP_FEATURES_UNSUPPORTED: u32 = Standard.SNP_FEATURES_UNSUPPORTED;

/** The image, the machine it was put in, and what the shim found. */
export const ASSERTION: u32 = 0x701;
export const IMAGE_INFO_BAD: u32 = 0x702;
export const MODE_NOT_ALLOWED: u32 = 0x703;
export const PLATFORM_CONTRADICTION: u32 = 0x704;
export const FEATURE_REFUSED: u32 = 0x705;
export const FEATURE_MISSING: u32 = 0x706;
export const C_BIT_WRONG: u32 = 0x707;
export const CPU_FEATURE_MISSING: u32 = 0x708;
export const NO_RANDOM: u32 = 0x709;
export const PROTECTION_OFF: u32 = 0x70a;

/** Exceptions and interrupts. */
export const EXCEPTION: u32 = 0x710;
export const DOUBLE_FAULT: u32 = 0x711;
export const NMI: u32 = 0x712;
export const MACHINE_CHECK: u32 = 0x713;
export const PAGE_FAULT: u32 = 0x714;
export const STACK_EXHAUSTED: u32 = 0x715;
export const KERNEL_TRAP: u32 = 0x716;
export const PROGRAM_TRAP: u32 = 0x717;
export const UNEXPECTED_INTERRUPT: u32 = 0x718;
export const UNEXPECTED_HV: u32 = 0x719;
export const INTERRUPT_WHILE_OFF: u32 = 0x71a;
export const NESTED_TOO_DEEP: u32 = 0x71b;

/** #VC. */
export const VC_WITHOUT_ES: u32 = 0x720;
export const VC_AT_WRONG_SITE: u32 = 0x721;
export const VC_NOT_VALIDATED: u32 = 0x722;
export const VC_NESTED_PAGE_FAULT: u32 = 0x723;
export const VC_NOT_SERVED: u32 = 0x724;
export const VC_NESTED: u32 = 0x725;
export const VC_CPUID_LEAF: u32 = 0x726;
export const VC_ALIGNMENT_CHECK: u32 = 0x727;
export const VC_INVD: u32 = 0x728;
export const VC_TIME_STAMP: u32 = 0x729;

/** The hypervisor's answers. */
export const GHCB_MSR_ANSWER: u32 = 0x730;
export const GHCB_GPA_REFUSED: u32 = 0x731;
export const GHCB_GPA_OTHER: u32 = 0x732;
export const GHCB_REQUEST_REFUSED: u32 = 0x733;
export const GHCB_OUTPUT_MISSING: u32 = 0x734;
export const GHCB_BAD_EXCEPTION: u32 = 0x735;
export const GHCB_UNEXPECTED_EXCEPTION: u32 = 0x736;
export const GHCB_BAD_EXIT_INFO: u32 = 0x737;
export const GHCB_BUSY: u32 = 0x738;
export const GHCB_NESTED: u32 = 0x739;

/** Page states. */
export const PVALIDATE_FAILED: u32 = 0x740;
export const PVALIDATE_UNCHANGED: u32 = 0x741;
export const ALREADY_VALIDATED: u32 = 0x742;
export const NOT_YET_VALIDATED: u32 = 0x743;
export const PSC_REFUSED: u32 = 0x744;
export const PSC_TAMPERED: u32 = 0x745;
export const PSC_STALLED: u32 = 0x746;

/** Pages that the launch filled. */
export const CPUID_PAGE_BAD: u32 = 0x750;
export const CPUID_LEAF_MISSING: u32 = 0x751;
export const SECRETS_PAGE_BAD: u32 = 0x752;

/** Memory. */
export const MEMORY_MAP_BAD: u32 = 0x760;
export const MEMORY_MAP_OVERLAP: u32 = 0x761;
export const MEMORY_MAP_TOO_LONG: u32 = 0x762;
export const OUT_OF_MEMORY: u32 = 0x763;
export const OUT_OF_PAGE_TABLES: u32 = 0x764;
export const FRAME_NOT_OWNED: u32 = 0x765;
export const MAPPING_CONFLICT: u32 = 0x766;

/** Compartments. */
export const COMPARTMENT_BAD: u32 = 0x770;
export const COMPARTMENT_UNSUPPORTED: u32 = 0x771;

/** A new start. */
export const RESET_REFUSED: u32 = 0x790;

/** The #HV doorbell page, and the local APIC. */
export const DOORBELL_REFUSED: u32 = 0x780;
export const DOORBELL_NMI: u32 = 0x781;
export const DOORBELL_MACHINE_CHECK: u32 = 0x782;
export const DOORBELL_BAD: u32 = 0x783;
export const APIC_BAD: u32 = 0x784;
