/** Words for numbers, for the console. */

import * as Reason from '../../spec/abi/termination.ts';
import * as Trap from '../../spec/abi/trap-reason.ts';

/** Why the guest ends itself. docs/termination.md says more. */
export function reasonWords(reason: u32): string {
  switch (reason) {
    case Reason.GENERAL:
      return 'no reason given';
    case Reason.PROTOCOL_VERSION_UNSUPPORTED:
      return 'no GHCB protocol version in common';
    case Reason.SNP_FEATURES_UNSUPPORTED:
      return 'the hypervisor lacks an SNP feature';
    case Reason.ASSERTION:
      return 'the kernel contradicts itself';
    case Reason.IMAGE_INFO_BAD:
      return 'the image does not read as it was linked';
    case Reason.MODE_NOT_ALLOWED:
      return 'the image may not run in this mode';
    case Reason.PLATFORM_CONTRADICTION:
      return 'the platform contradicts itself';
    case Reason.FEATURE_REFUSED:
      return 'SEV_STATUS has a feature that the image refuses';
    case Reason.FEATURE_MISSING:
      return 'SEV_STATUS lacks a feature that the image requires';
    case Reason.C_BIT_WRONG:
      return 'the C-bit is not where it was said to be';
    case Reason.CPU_FEATURE_MISSING:
      return 'the CPU lacks what the image was built for';
    case Reason.NO_RANDOM:
      return 'no random numbers';
    case Reason.PROTECTION_OFF:
      return 'write protection or no-execute is off';
    case Reason.EXCEPTION:
      return 'exception';
    case Reason.DOUBLE_FAULT:
      return 'double fault';
    case Reason.NMI:
      return 'non-maskable interrupt';
    case Reason.MACHINE_CHECK:
      return 'machine check';
    case Reason.PAGE_FAULT:
      return 'page fault';
    case Reason.STACK_EXHAUSTED:
      return 'call stack exhausted';
    case Reason.KERNEL_TRAP:
      return 'trap in the kernel';
    case Reason.PROGRAM_TRAP:
      return 'trap in the program';
    case Reason.UNEXPECTED_INTERRUPT:
      return 'interrupt that nothing asked for';
    case Reason.UNEXPECTED_HV:
      return '#HV without restricted injection';
    case Reason.INTERRUPT_WHILE_OFF:
      return 'interrupt where interrupts are off';
    case Reason.NESTED_TOO_DEEP:
      return 'exceptions nested too deep';
    case Reason.VC_WITHOUT_ES:
      return '#VC without SEV-ES';
    case Reason.VC_AT_WRONG_SITE:
      return '#VC that no instruction here raises';
    case Reason.VC_NOT_VALIDATED:
      return 'private page that is not validated';
    case Reason.VC_NESTED_PAGE_FAULT:
      return 'private access turned into MMIO';
    case Reason.VC_NOT_SERVED:
      return '#VC of an instruction that is not served';
    case Reason.VC_NESTED:
      return '#VC within #VC';
    case Reason.VC_CPUID_LEAF:
      return 'CPUID leaf that the GHCB MSR cannot ask for';
    case Reason.VC_ALIGNMENT_CHECK:
      return '#VC of an alignment check that cannot occur';
    case Reason.VC_INVD:
      return 'INVD';
    case Reason.VC_TIME_STAMP:
      return 'RDTSC intercepted although the time stamp is secure';
    case Reason.GHCB_MSR_ANSWER:
      return 'malformed answer in the GHCB MSR';
    case Reason.GHCB_GPA_REFUSED:
      return 'GHCB refused';
    case Reason.GHCB_GPA_OTHER:
      return 'the hypervisor wants another GHCB';
    case Reason.GHCB_REQUEST_REFUSED:
      return 'the hypervisor calls a request malformed';
    case Reason.GHCB_OUTPUT_MISSING:
      return 'the hypervisor left out a result';
    case Reason.GHCB_BAD_EXCEPTION:
      return 'the hypervisor asks for an exception it may not';
    case Reason.GHCB_UNEXPECTED_EXCEPTION:
      return 'the hypervisor answers with an exception';
    case Reason.GHCB_BAD_EXIT_INFO:
      return 'malformed answer in the GHCB';
    case Reason.GHCB_BUSY:
      return 'GHCB in use';
    case Reason.GHCB_NESTED:
      return 'GHCB interrupted twice over';
    case Reason.PVALIDATE_FAILED:
      return 'PVALIDATE failed';
    case Reason.PVALIDATE_UNCHANGED:
      return 'page was validated behind our back';
    case Reason.ALREADY_VALIDATED:
      return 'page would be validated twice';
    case Reason.NOT_YET_VALIDATED:
      return 'page to share was not validated';
    case Reason.PSC_REFUSED:
      return 'page-state change refused';
    case Reason.PSC_TAMPERED:
      return 'page-state change tampered with';
    case Reason.PSC_STALLED:
      return 'page-state change does not go on';
    case Reason.CPUID_PAGE_BAD:
      return 'malformed CPUID page';
    case Reason.CPUID_LEAF_MISSING:
      return 'CPUID page lacks a leaf';
    case Reason.SECRETS_PAGE_BAD:
      return 'malformed secrets page';
    case Reason.MEMORY_MAP_BAD:
      return 'malformed memory map';
    case Reason.MEMORY_MAP_OVERLAP:
      return 'memory map overlaps itself';
    case Reason.MEMORY_MAP_TOO_LONG:
      return 'memory map is too long';
    case Reason.OUT_OF_MEMORY:
      return 'out of memory';
    case Reason.OUT_OF_PAGE_TABLES:
      return 'out of page tables';
    case Reason.FRAME_NOT_OWNED:
      return 'frame of another owner';
    case Reason.MAPPING_CONFLICT:
      return 'address mapped twice or not at all';
    case Reason.COMPARTMENT_BAD:
      return 'malformed compartment';
    case Reason.COMPARTMENT_UNSUPPORTED:
      return 'more than one compartment';
    case Reason.RESET_REFUSED:
      return 'the host refuses to reset the machine';
    case Reason.DOORBELL_REFUSED:
      return '#HV doorbell page refused';
    case Reason.DOORBELL_NMI:
      return 'the doorbell page tells of an NMI';
    case Reason.DOORBELL_MACHINE_CHECK:
      return 'the doorbell page tells of a machine check';
    case Reason.DOORBELL_BAD:
      return 'malformed #HV doorbell page';
    case Reason.APIC_BAD:
      return 'the local APIC is not as it must be';
    default:
      return 'unknown reason';
  }
}

/** Why compiled code traps, in the words of the Wasm specification's tests. */
export function trapWords(trap: u32): string {
  switch (trap) {
    case Trap.UNREACHABLE:
      return 'unreachable';
    case Trap.INTEGER_DIVIDE_BY_ZERO:
      return 'integer divide by zero';
    case Trap.INTEGER_OVERFLOW:
      return 'integer overflow';
    case Trap.INVALID_CONVERSION_TO_INTEGER:
      return 'invalid conversion to integer';
    case Trap.OUT_OF_BOUNDS_MEMORY_ACCESS:
      return 'out of bounds memory access';
    case Trap.OUT_OF_BOUNDS_TABLE_ACCESS:
      return 'out of bounds table access';
    case Trap.UNDEFINED_ELEMENT:
      return 'undefined element';
    case Trap.UNINITIALIZED_ELEMENT:
      return 'uninitialized element';
    case Trap.INDIRECT_CALL_TYPE_MISMATCH:
      return 'indirect call type mismatch';
    case Trap.CALL_STACK_EXHAUSTED:
      return 'call stack exhausted';
    case Trap.UNALIGNED_ATOMIC:
      return 'unaligned atomic';
    case Trap.EXPECTED_SHARED_MEMORY:
      return 'expected shared memory';
    case Trap.NULL_REFERENCE:
      return 'null reference';
    default:
      return 'unknown trap';
  }
}
