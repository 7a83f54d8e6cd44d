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
  'rescind-first': gone('mm/sharing.ts', 'if (isSnp()) rescind(page, u64(page) >> 12);'),
  'cache-touch': gone('mm/stale-lines.ts', 'load8(page + PAGE - 1);'),
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
  'output-valid': gone(
    'sev/ghcb.ts',
    'if ((valid & wanted) !== wanted) panic(GHCB_OUTPUT_MISSING);',
  ),

  // The GHCB MSR
  'msr-response': gone(
    'sev/msr.ts',
    'if ((answer & 0xff_ffff) !== u64(Request.SEV_INFO_RESPONSE)) panic(GHCB_MSR_ANSWER);',
    'if ((answer & Request.INFO_MASK) !== u64(info)) panic(GHCB_MSR_ANSWER);',
  ),
  'ghcb-gpa': gone('sev/msr.ts', 'if ((answer & DATA_MASK) !== gpa) panic(GHCB_GPA_REFUSED);'),
  'ghcb-version': gone(
    'sev/msr.ts',
    `if (highest < lowest || oldest > Ghcb.VERSION_MAX || oldest > highest) {
    panic(PROTOCOL_VERSION_UNSUPPORTED);
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

  // The platform
  'c-bit-named': gone(
    'sev/msr.ts',
    'if (((answer >> 24) & 0xff) !== u64(cBit)) panic(C_BIT_WRONG);',
  ),
  'modes-listed': gone(
    'platform.ts',
    'if (((info.modes >> record.platform) & 1) === 0) panic(MODE_NOT_ALLOWED);',
  ),
  'features-allowed': gone(
    'platform.ts',
    'if ((status & ~(ladder | info.featuresAllowed)) !== 0) panic(FEATURE_REFUSED);',
  ),
  'features-required': gone(
    'platform.ts',
    'if (isSnp() && (info.featuresRequired & ~status) !== 0) panic(FEATURE_MISSING);',
  ),
  'apic-keeps': gone(
    'interrupt/apic.ts',
    'if (readApic(Apic.SPURIOUS) !== spurious) panic(APIC_BAD);',
  ),
  'apic-place': [
    ...gone(
      'interrupt/apic.ts',
      'if ((base & Apic.BASE_ADDRESS_MASK) !== u64(Apic.PAGE)) panic(APIC_BAD);',
    ),
    ...replaced(
      'interrupt/apic.ts',
      'map(registers, u64(Apic.PAGE), WRITE | SHARED | UNCACHED);',
      'map(registers, base & Apic.BASE_ADDRESS_MASK, WRITE | SHARED | UNCACHED);',
    ),
  ],

  // Random numbers and time
  'random-or-end': gone('random/random.ts', 'if (isEncrypted()) panic(NO_RANDOM);'),
  'random-tested': replaced(
    'random/entropy.ts',
    'if (bits === 0 || bits === ALL_ONES || bits === before) {',
    'if (false) {',
  ),
  'frequency-by-psp': replaced(
    'time/frequency.ts',
    'hasSecureTsc() ? secureKilohertz() : u64(cpuidWord(LEAF_FREQUENCIES, EAX))',
    'u64(cpuidWord(LEAF_FREQUENCIES, EAX))',
  ),
  'no-rdtsc-exit': gone(
    'sev/vc-system.ts',
    'if ((bootRecord().sevStatus & SevStatus.SECURE_TSC) !== 0) die(VC_TIME_STAMP);',
  ),
  'clock-forward': replaced(
    'time/clock.ts',
    'if (i64(ticks) >= 0 && now > latest) latest = now;',
    'latest = now;',
  ),

  // Messages to the AMD-SP
  'key-destroyed': replaced(
    'sev/channel.ts',
    'if (!answered) return close();',
    'if (!answered) return CLOSED;',
  ),
  'answer-authentic': replaced(
    'sev/channel.ts',
    'return open(schedule, iv, authenticated(), authenticatedSize(), payload(), size, buffer);',
    `open(schedule, iv, authenticated(), authenticatedSize(), payload(), size, buffer);
  return true;`,
  ),

  // What is shared
  'tables-private': [
    ...replaced(
      'mm/acceptance.ts',
      'placeTables(usize(tables << 12));',
      `for (let i: u32 = 0; i < pages; i++) sharePage(usize((tables + u64(i)) << 12));
  placeTables(usize(tables << 12));`,
    ),
    ...replaced(
      'mm/acceptance.ts',
      "import { linear, map, mapHuge, PAGE, WRITE } from './paging.ts';",
      `import { linear, map, mapHuge, PAGE, WRITE } from './paging.ts';
import { sharePage } from './sharing.ts';`,
    ),
  ],
  'remap-flushes': replaced(
    'mm/paging.ts',
    `store64(slot, leaf(gpaOf(entry), access));
  invlpg(va);`,
    'store64(slot, leaf(gpaOf(entry), access));',
  ),

  // Hosts that do not come to an end
  'psc-patience': gone('sev/psc.ts', 'if (stalls === PATIENCE) panic(PSC_STALLED);'),
  'ends-for-good': replaced(
    'sev/msr.ts',
    `while (true) {
    wrmsr(Msr.GHCB, (code << 16)`,
    `for (let once = true; once; once = false) {
    wrmsr(Msr.GHCB, (code << 16)`,
  ),
} as const satisfies Readonly<Record<string, readonly Replacement[]>>;

export type GuestCheck = keyof typeof CHECKS;
