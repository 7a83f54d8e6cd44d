/**
 * Each check of the guest's that a row leans on: where it is made, and what a kernel without it has there.
 * `text`, of which there must be exactly one in the file, becomes `instead`.
 */
import type { Replacement } from '../kernel-image.ts';

const gone = (file: string, ...texts: string[]): Replacement[] =>
  texts.map((text) => ({ file: `kernel/${file}`, text, instead: '' }));

const replaced = (file: string, text: string, instead: string): Replacement[] => [
  { file: `kernel/${file}`, text, instead },
];

export const CHECKS = {
  // The memory map
  'map-overlap': gone(
    'mm/ranges.ts',
    'if (at > 0 && rangeEnd(at - 1) > start) panic(MEMORY_MAP_OVERLAP);',
    'if (at < count && rangeStart(at) < end) panic(MEMORY_MAP_OVERLAP);',
  ),
  'map-limits': [
    ...gone('mm/ranges.ts', 'if (end < start || (ram && end > LIMIT)) panic(MEMORY_MAP_BAD);'),
    ...gone(
      'mm/memory-map.ts',
      'if (entry.startingPage >> 40 !== 0 || pages >> 40 !== 0) panic(MEMORY_MAP_BAD);',
    ),
  ],
  'image-is-no-ram': gone(
    'mm/memory-map.ts',
    'excludeRange(range.start & ~(PAGE - 1), (range.end + PAGE - 1) & ~(PAGE - 1));',
  ),
  'one-mapping': replaced(
    'mm/paging.ts',
    `const slot = tableFor(va, 1) + (((va >> 12) & 511) << 3);
  if (load64(slot) !== 0) panic(MAPPING_CONFLICT);`,
    'const slot = tableFor(va, 1) + (((va >> 12) & 511) << 3);',
  ),
  'zeroed-frames': gone('mm/allocator.ts', 'fill(linear(gpa), 0, PAGE);'),

  // Page states
  'validated-once': gone('sev/rmp.ts', 'if (isValidated(frame)) panic(ALREADY_VALIDATED);'),
  'pvalidate-unchanged': gone(
    'sev/rmp.ts',
    'if ((result & UNCHANGED) !== 0) panic(PVALIDATE_UNCHANGED);',
  ),
  'rescind-first': gone('mm/sharing.ts', 'rescind(page, u64(page) >> 12);'),
  'cache-touch': gone(
    'mm/acceptance.ts',
    'if (isSnp() && needsCacheTouch()) dropStaleLines(linear(first << 12), linear(end << 12));',
  ),
  'psc-header': gone(
    'sev/psc.ts',
    'if (header >> 16 !== u64(end) || next < current || next > end + 1) panic(PSC_TAMPERED);',
  ),
  'psc-result': gone('sev/psc.ts', 'if (outputInfo2() !== 0) panic(PSC_REFUSED);'),
  'psc-resumed': replaced(
    'sev/psc.ts',
    'while (current <= end) {',
    'for (let once = true; once; once = false) {',
  ),
  'psc-read-once': replaced(
    'sev/psc.ts',
    'return next;',
    'return u32(load64(sharedBuffer())) & 0xffff;',
  ),

  // #VC
  'vc-site': [
    ...replaced(
      'sev/vc.ts',
      'if (site === 0 || u64(site) !== frame.error) die(Reason.VC_AT_WRONG_SITE);',
      '',
    ),
    ...replaced('sev/vc.ts', 'if (!isServed(site)) die(Reason.VC_NOT_SERVED);', ''),
    ...replaced(
      'sev/vc.ts',
      'const instruction = I.decode(frame.rip);',
      'const instruction = I.assumed(frame.rip, u32(frame.error));',
    ),
    ...replaced(
      'sev/vc.ts',
      'if (I.exitCodeOf(instruction) !== site) die(Reason.VC_AT_WRONG_SITE);',
      '',
    ),
    ...replaced(
      'sev/vc-instruction.ts',
      'function known(opcode: u32): u32 {',
      `/** As guests did before they knew better: the instruction that the code tells of. */
export function assumed(rip: u64, code: u32): u32 {
  if (code === Exit.IOIO || code === Exit.DR7_READ || code === Exit.DR7_WRITE) return decode(rip);
  bytes = code < Exit.MONITOR && code !== Exit.VMMCALL && code !== Exit.RDTSCP ? 2 : 3;
  wide = true;
  repeated = false;
  switch (code) {
    case Exit.CPUID:
      return CPUID;
    case Exit.MSR:
      return load8(rip + 1) === (WRMSR & 0xff) ? WRMSR : RDMSR;
    case Exit.RDTSC:
      return RDTSC;
    case Exit.RDTSCP:
      return RDTSCP;
    case Exit.RDPMC:
      return RDPMC;
    case Exit.WBINVD:
      return WBINVD;
    case Exit.INVD:
      return INVD;
    case Exit.VMMCALL:
      return VMMCALL;
    default:
      return MONITOR;
  }
}

function known(opcode: u32): u32 {`,
    ),
  ],
  'vc-nested': gone('sev/vc.ts', 'if (nested) die(Reason.VC_NESTED);'),
  'vc-silent': [
    ...replaced(
      'sev/vc.ts',
      'if (nested) die(Reason.VC_NESTED);',
      `if (nested) die(Reason.VC_NESTED);
  if (ghcbReady()) {
    interruptRequests();
    begin();
    setRax(frame.rax);
    setRbx(frame.rbx);
    setRcx(frame.rcx);
    setRdx(frame.rdx);
    abandon();
    resumeRequests();
  }`,
    ),
    ...replaced(
      'sev/vc.ts',
      "import { ghcbReady, interruptRequests, resumeRequests } from './ghcb.ts';",
      `import {
  abandon,
  begin,
  ghcbReady,
  interruptRequests,
  resumeRequests,
  setRax,
  setRbx,
  setRcx,
  setRdx,
} from './ghcb.ts';`,
    ),
  ],
  'ghcb-put-aside': gone('sev/vc.ts', '    interruptRequests();\n', '    resumeRequests();\n'),
  'ghcb-busy': gone('sev/ghcb.ts', 'if (composing) panic(GHCB_BUSY);'),

  // Interrupts
  'known-vectors': gone(
    'interrupt/interrupts.ts',
    `if (isRestricted() || (vector !== TIMER_VECTOR && vector !== SPURIOUS_VECTOR)) {
    return UNEXPECTED_INTERRUPT;
  }`,
  ),
  'interrupts-where-on': gone(
    'interrupt/interrupts.ts',
    'if (off || !isWaiting(frame.rip)) return INTERRUPT_WHILE_OFF;',
  ),
  'sleep-by-clock': replaced(
    'interrupt/timer.ts',
    'for (now = nanoseconds(); now < deadline; now = nanoseconds()) {',
    'for (let once = true; once; once = false) {',
  ),
  'doorbell-vectors': gone(
    'interrupt/doorbell.ts',
    'if (vector !== 0 && vector < FIRST_INTERRUPT) panic(DOORBELL_BAD);',
  ),
  'doorbell-known-vectors': gone('interrupt/interrupts.ts', 'else panic(UNEXPECTED_INTERRUPT);'),
  'doorbell-nmi': gone(
    'interrupt/doorbell.ts',
    'if ((pending & Doorbell.NMI) !== 0) panic(DOORBELL_NMI);',
    'if ((word & Doorbell.NMI) !== 0) panic(DOORBELL_NMI);',
  ),
  'doorbell-mc': gone(
    'interrupt/doorbell.ts',
    'if ((pending & Doorbell.MACHINE_CHECK) !== 0) panic(DOORBELL_MACHINE_CHECK);',
    'if ((word & Doorbell.MACHINE_CHECK) !== 0) panic(DOORBELL_MACHINE_CHECK);',
  ),
  'doorbell-bound': replaced(
    'interrupt/interrupts.ts',
    'for (let served: u32 = 0; served < MOST; served++) {',
    'for (let served: u32 = 0; ; served++) {',
  ),

  // The GHCB page
  'reflected-exception': [
    ...gone(
      'sev/ghcb.ts',
      'if (!valid || type !== Injection.TYPE_EXCEPTION) panic(GHCB_BAD_EXCEPTION);',
      'if (vector !== Cpu.VECTOR_GP && vector !== Cpu.VECTOR_UD) panic(GHCB_BAD_EXCEPTION);',
    ),
  ],
  'own-request-exception': replaced(
    'sev/request.ts',
    'if (send(event, info1, info2) !== 0) panic(GHCB_UNEXPECTED_EXCEPTION);',
    'send(event, info1, info2);',
  ),
  'output-valid': gone('sev/ghcb.ts', 'if (!isValid(bit)) panic(GHCB_OUTPUT_MISSING);'),

  // The GHCB MSR
  'msr-response': gone(
    'sev/msr.ts',
    'if ((answer & Request.INFO_MASK) !== u64(info)) panic(GHCB_MSR_ANSWER);',
  ),
  'ghcb-gpa': gone('sev/msr.ts', 'if ((answer & DATA_MASK) !== gpa) panic(GHCB_GPA_REFUSED);'),
  'ghcb-version': gone(
    'sev/msr.ts',
    `if (highest < lowest || oldest > Ghcb.VERSION_MAX || oldest > highest) {
    panic(GHCB_VERSION_UNSUPPORTED);
  }`,
  ),
  'hv-features': gone(
    'sev/establish.ts',
    'if ((hypervisorFeatures() & required) !== required) panic(SNP_FEATURES_UNSUPPORTED);',
  ),
  'preferred-ghcb': gone(
    'sev/msr.ts',
    'if (preferred !== DATA_MASK && preferred !== gpa) panic(GHCB_GPA_OTHER);',
  ),

  // Messages to the AMD-SP
  'message-tag': [
    ...replaced(
      'crypto/aes-gcm.ts',
      'if (difference === 0) applyKeystream(schedule, iv, text, size);',
      'applyKeystream(schedule, iv, text, size);',
    ),
    ...replaced('crypto/aes-gcm.ts', 'return difference === 0;', 'return true;'),
  ],
  'message-order': [
    ...gone('sev/channel.ts', 'if (header.sequence !== sequence) return false;'),
    ...replaced('sev/channel.ts', 'setIv(sequence);', 'setIv(header.sequence);'),
  ],
} as const satisfies Readonly<Record<string, readonly Replacement[]>>;

export type GuestCheck = keyof typeof CHECKS;
