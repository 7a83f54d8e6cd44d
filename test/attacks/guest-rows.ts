import { denied, deniedFirst, guarded, type Place, type Row, wins } from './verdict.ts';

const ALL: readonly Place[] = ['none', 'sev', 'sev-es', 'snp', 'snp-hv'];
const PROTECTED: readonly Place[] = ['sev-es', 'snp', 'snp-hv'];
const SNP: readonly Place[] = ['snp', 'snp-hv'];

/** The same cell in each of `places`. */
function same<T>(places: readonly Place[], cell: T): Partial<Record<Place, T>> {
  return Object.fromEntries(places.map((place) => [place, cell]));
}

/** B1 to B32: what the guest's own code must stop. */
export const GUEST_ROWS: readonly Row[] = [
  {
    id: 'B1',
    title: 'double validation: two pages for one address',
    source: 'Oak 740149baf6',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'a page that the map has twice, with another behind it the second time',
        cells: same(SNP, guarded('MEMORY_MAP_OVERLAP', 'double-validation')),
      },
    ],
  },
  {
    id: 'B2',
    title: 'a page with secrets given out as fresh',
    source: 'COCONUT-SVSM 10a1826c',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'the page of the secrets in place of fresh RAM',
        cells: same(SNP, guarded('unharmed', 'frames-not-zeroed')),
      },
    ],
  },
  {
    id: 'B3',
    title: 'a memory map that lies',
    source: 'Oak 10690e8da3 (GHSA-pj9q-pv45-xq8g), COCONUT-SVSM issue 22',
    catalogue: ['G', 'G', 'G', 'G'],
    ways: [
      {
        how: 'RAM where the image lies',
        cells: same(ALL, guarded('unharmed', 'map-over-image')),
      },
      {
        how: 'RAM at an address that is no address',
        cells: same(ALL, guarded('MEMORY_MAP_BAD', 'map-beyond')),
      },
    ],
  },
  {
    id: 'B4',
    title: 'shared without giving up the validation',
    source: 'Oak 0cbee8d3c2',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'the host keeps what is shared as the guest’s own',
        cells: same(SNP, guarded('unharmed', 'share-without-rescind')),
      },
    ],
  },
  {
    id: 'B5',
    title: 'page-state changes that are not what the host says',
    source: 'EDK II reads the header where the host writes it',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'stops half-way',
        cells: { snp: guarded('unharmed', 'psc-not-resumed') },
      },
      {
        how: 'goes back',
        cells: { snp: guarded('PSC_TAMPERED', 'psc-header-believed') },
      },
      {
        how: 'moves the end',
        cells: same(SNP, guarded('PSC_TAMPERED', 'psc-header-believed')),
      },
      {
        how: 'sets reserved bits',
        cells: same(SNP, guarded('PSC_TAMPERED', 'psc-header-believed')),
      },
      {
        how: 'says that it failed, and yet is done',
        cells: same(SNP, guarded('PSC_REFUSED', 'psc-error-ignored')),
      },
    ],
  },
  {
    id: 'B6',
    title: 'stale cache lines after a page changed its state',
    source: 'CVE-2025-38560, AMD-SN-3017',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'lines of the host’s written back over what the guest has there',
        cells: same(SNP, guarded('unharmed', 'cache-untouched')),
      },
      {
        how: 'the same on a page that was lent',
        cells: same(SNP, guarded('exit 0', 'cache-untouched')),
      },
    ],
  },
  {
    id: 'B7',
    title: 'WeSee: #VC that never was',
    source: 'CVE-2024-25742, AMD-SB-3008',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'as for VMMCALL, while the program runs',
        cells: {
          ...same(['sev-es', 'snp'], guarded('VC_AT_WRONG_SITE', 'vc-by-code')),
          'snp-hv': deniedFirst('VMRUN.X', 'event-injection', 'vc-by-code'),
        },
      },
    ],
  },
  {
    id: 'B8',
    title: 'what a #VC handler leaves in the GHCB before it looks',
    source: 'WeSee §9.1',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'with a canary in each general register',
        cells: {
          ...same(['sev-es', 'snp'], guarded('VC_AT_WRONG_SITE', 'vc-writes-first')),
          'snp-hv': deniedFirst('VMRUN.X', 'event-injection', 'vc-writes-first'),
        },
      },
    ],
  },
  {
    id: 'B9',
    title: 'a #VC of another kind than the instruction',
    source: 'WeSee §8.1: COCONUT-SVSM and Oak in 2024',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'each other code at each instruction that raises one',
        cells: same(['sev-es', 'snp'], guarded('VC_AT_WRONG_SITE', 'vc-by-code')),
      },
    ],
  },
  {
    id: 'B10',
    title: 'MMIO emulation aimed at private memory',
    source: 'CVE-2023-46813',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [],
    absent: {
      construct: 'a decoder of memory accesses',
      file: 'test/attacks/absent.test.ts',
      test: 'decodes no memory access',
    },
  },
  {
    id: 'B11',
    title: 'a race with a user’s #VC',
    source: 'CVE-2023-46813',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [],
    absent: {
      construct: 'CPL 3',
      file: 'test/attacks/absent.test.ts',
      test: 'has no segment and no gate of CPL 3',
    },
  },
  {
    id: 'B12',
    title: 'a #VC where none can be served',
    source: 'Linux, arch/x86/coco/sev/noinstr.c',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'while another is served',
        cells: same(['sev-es', 'snp'], guarded('VC_NESTED', 'vc-anywhere')),
      },
      {
        how: 'in the middle of a request',
        cells: same(['sev-es', 'snp'], guarded('VC_AT_WRONG_SITE', 'vc-anywhere')),
      },
    ],
  },
  {
    id: 'B13',
    title: 'Heckler: interrupts that nobody asked for',
    source: 'CVE-2024-25743, CVE-2024-25744',
    catalogue: ['W', 'W', 'W', 'G'],
    ways: [
      {
        how: 'each vector that nobody asked for',
        cells: {
          ...same(
            ['none', 'sev', 'sev-es', 'snp'],
            guarded('a reason for each', 'interrupt-any-vector'),
          ),
          'snp-hv': deniedFirst('VMRUN.X', 'event-injection', 'interrupt-any-vector'),
        },
      },
    ],
    differs: same(
      ['none', 'sev', 'sev-es'],
      'what the guest does about a vector it does in each mode; the catalogue has victims that do not',
    ),
  },
  {
    id: 'B14',
    title: 'a doorbell page that lies',
    source: 'Heckler §9, COCONUT-SVSM kernel/src/sev/hv_doorbell.rs',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'an exception’s vector',
        cells: { 'snp-hv': guarded('DOORBELL_BAD', 'doorbell-any-vector') },
      },
      {
        how: 'a vector that nobody asked for',
        cells: { 'snp-hv': guarded('UNEXPECTED_INTERRUPT', 'doorbell-any-vector') },
      },
      {
        how: 'a non-maskable interrupt',
        cells: { 'snp-hv': guarded('DOORBELL_NMI', 'doorbell-nmi-ignored') },
      },
      {
        how: 'a machine check',
        cells: { 'snp-hv': guarded('DOORBELL_MACHINE_CHECK', 'doorbell-mc-ignored') },
      },
      {
        how: 'a new event whenever one is taken',
        cells: { 'snp-hv': guarded('unharmed', 'doorbell-unbounded') },
      },
    ],
    differs: { snp: 'only a host with restricted injection has a doorbell page' },
  },
  {
    id: 'B15',
    title: 'interrupts where they are off, too early, or never',
    source: 'Heckler §9',
    catalogue: ['G', 'G', 'G', 'G'],
    ways: [
      {
        how: 'the timer’s vector where interrupts are off',
        cells: {
          ...same(
            ['none', 'sev', 'sev-es', 'snp'],
            guarded('INTERRUPT_WHILE_OFF', 'interrupt-anywhere'),
          ),
          'snp-hv': deniedFirst('VMRUN.X', 'event-injection', 'interrupt-any-vector'),
        },
      },
      {
        how: 'a timer that is early',
        cells: same(ALL, guarded('unharmed', 'sleep-once')),
      },
    ],
  },
  {
    id: 'B16',
    title: 'an exception for an answer',
    source: 'Linux, verify_exception_info',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'a page fault',
        cells: same(PROTECTED, guarded('GHCB_BAD_EXCEPTION', 'reflected-anything')),
      },
      {
        how: 'a non-maskable interrupt',
        cells: same(PROTECTED, guarded('GHCB_BAD_EXCEPTION', 'reflected-anything')),
      },
      {
        how: '#GP for a request that no instruction stands behind',
        cells: same(PROTECTED, guarded('GHCB_UNEXPECTED_EXCEPTION', 'reflected-anything')),
      },
    ],
  },
  {
    id: 'B17',
    title: 'outputs that are not there',
    source: 'Oak e1f8172f95',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'a value that is not there',
        cells: same(PROTECTED, guarded('GHCB_OUTPUT_MISSING', 'outputs-unasked')),
      },
      {
        how: 'a result that is not there',
        cells: same(PROTECTED, guarded('GHCB_OUTPUT_MISSING', 'outputs-unasked')),
      },
    ],
  },
  {
    id: 'B18',
    title: 'the GHCB read twice',
    source: 'KVM’s own copy of the GHCB is the host’s side of it',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'another header of page-state changes at a second look',
        cells: same(SNP, guarded('unharmed', 'header-read-twice')),
      },
    ],
    differs: {
      'sev-es': 'page states are SNP’s; each field of each answer: test/boundaries.test.ts',
    },
  },
  {
    id: 'B19',
    title: 'lies by the GHCB MSR',
    source: 'Linux, snp_register_ghcb_early and sev_es_negotiate_protocol',
    catalogue: ['-', '-', 'G', 'G'],
    ways: [
      {
        how: 'another kind of answer',
        cells: same(PROTECTED, guarded('GHCB_MSR_ANSWER', 'msr-any-answer')),
      },
      {
        how: 'no version in common',
        cells: same(PROTECTED, guarded('PROTOCOL_VERSION_UNSUPPORTED', 'ghcb-any-version')),
      },
      {
        how: 'a feature less',
        cells: same(SNP, guarded('SNP_FEATURES_UNSUPPORTED', 'features-not-asked')),
      },
      {
        how: 'another page than was offered',
        cells: same(SNP, guarded('GHCB_GPA_REFUSED', 'ghcb-anywhere')),
      },
      {
        how: 'a page of the host’s choice',
        cells: same(SNP, guarded('GHCB_GPA_OTHER', 'preferred-ghcb-ignored')),
      },
    ],
  },
  {
    id: 'B20',
    title: 'lies about the CPU',
    source: 'Radev and Morbitzer, ROOTS 2020',
    catalogue: ['W', 'G', 'G', 'G'],
    ways: [
      {
        how: 'a C-bit elsewhere',
        cells: same(PROTECTED, guarded('C_BIT_WRONG', 'c-bit-as-named')),
      },
      {
        how: 'a CPU without random numbers',
        cells: {
          none: wins,
          ...same(['sev', ...PROTECTED], guarded('NO_RANDOM', 'no-random-no-end')),
        },
      },
      {
        how: 'a feature that the CPU has not',
        cells: same(SNP, denied('POLICY', 'cpuid-page')),
      },
    ],
    differs: { snp: 'what a CPU does not have the AMD-SP lets no page promise: D; the rest is G' },
  },
  {
    id: 'B21',
    title: 'the same image with less protection',
    source: 'COCONUT-SVSM, sev_status_verify',
    catalogue: ['G', 'G', 'G', 'G'],
    ways: [
      {
        how: 'a mode that the image is not for',
        cells: same(ALL, guarded('MODE_NOT_ALLOWED', 'any-mode')),
      },
      {
        how: 'a feature that it was not built for',
        cells: same(SNP, guarded('FEATURE_REFUSED', 'any-feature')),
      },
      {
        how: 'without the restricted injection that it needs',
        cells: { 'snp-hv': guarded('FEATURE_MISSING', 'features-not-needed') },
      },
    ],
  },
  {
    id: 'B22',
    title: 'values that are no use: MSRs, ports, counts',
    source: 'Iago attacks; Linux refuses secure-TSC MSR exits',
    catalogue: ['W', 'G', 'G', 'G'],
    ways: [
      {
        how: 'an APIC that forgets',
        cells: same(ALL, guarded('APIC_BAD', 'apic-forgets')),
      },
      {
        how: 'an APIC where the guest’s memory is',
        cells: same(['none', 'sev'], guarded('APIC_BAD', 'apic-anywhere')),
      },
    ],
    differs: { none: 'the checks are the same in each mode' },
  },
  {
    id: 'B23',
    title: 'BadAML, and other tables of the firmware’s',
    source: 'CCS 2025; Oak 1ded1ba313',
    catalogue: ['W', 'W', 'W', 'G'],
    ways: [],
    absent: {
      construct: 'a reader of ACPI tables',
      file: 'test/attacks/absent.test.ts',
      test: 'reads no table of the firmware’s',
    },
  },
  {
    id: 'B24',
    title: 'two messages to the AMD-SP under one number',
    source: 'Linux 47894e0fa6a5, COCONUT-SVSM PR 69',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'busy, then another error, so that the guest says something else under the same number',
        cells: same(SNP, guarded('exit 29', 'key-kept')),
      },
    ],
  },
  {
    id: 'B25',
    title: 'what the AMD-SP never said',
    source: 'Oak 58ce99b8b4',
    catalogue: ['-', '-', '-', 'G'],
    ways: [
      {
        how: 'bytes of the host’s for the AMD-SP’s',
        cells: same(SNP, guarded('exit 29', 'answer-unauthentic')),
      },
    ],
  },
  {
    id: 'B26',
    title: 'what nobody measured',
    source: 'Oak 7fd2148156',
    catalogue: ['G', 'G', 'G', 'G'],
    ways: [
      {
        how: 'a page that the launch brings along, where RAM is',
        cells: same(SNP, guarded('PVALIDATE_UNCHANGED', 'unchanged-ignored')),
      },
      {
        how: 'RAM that is full of the host’s bytes',
        cells: same(ALL, guarded('unharmed', 'frames-not-zeroed')),
      },
    ],
  },
  {
    id: 'B27',
    title: 'an allocator’s lists in shared memory',
    source: 'Oak 7217f1b113',
    catalogue: ['G', 'G', 'G', 'G'],
    ways: [
      {
        how: 'all that is shared and no answer rewritten at each request',
        cells: same(PROTECTED, guarded('unharmed', 'tables-shared')),
      },
    ],
    differs: same(
      ['none', 'sev'],
      'nothing is shared for requests; without encryption everything is',
    ),
  },
  {
    id: 'B28',
    title: 'a translation that outlives its C-bit',
    source: 'COCONUT-SVSM 338cbc2d',
    catalogue: ['-', 'G', 'G', 'G'],
    ways: [
      {
        how: 'a page lent, taken back, and then with a secret in it',
        cells: same(['sev', 'sev-es'], guarded('exit 0', 'no-flush')),
      },
    ],
    differs: same(SNP, 'the host forgets translations when it changes the page’s state; RMP: A13'),
  },
  {
    id: 'B29',
    title: 'time',
    source: 'Linux, vc_handle_rdtsc',
    catalogue: ['W', 'W', 'W', 'G'],
    ways: [
      {
        how: 'a clock that is said to be slower than it is',
        cells: {
          ...same(['none', 'sev', 'sev-es'], wins),
          ...same(SNP, guarded('unharmed', 'frequency-by-host')),
        },
      },
      {
        how: 'a clock that jumps ahead',
        cells: same(['none', 'sev', 'sev-es'], wins),
      },
      {
        how: 'a clock that goes back',
        cells: same(ALL, guarded('unharmed', 'clock-backward')),
      },
      {
        how: 'RDTSC intercepted',
        cells: same(SNP, guarded('VC_TIME_STAMP', 'rdtsc-by-host')),
      },
    ],
    differs: same(
      ['none', 'sev', 'sev-es'],
      'how fast time goes is the host’s to say; that it never goes back the guest sees to',
    ),
  },
  {
    id: 'B30',
    title: 'random numbers that are none',
    source: 'CVE-2025-62626, AMD-SB-7055',
    catalogue: ['W', 'G', 'G', 'G'],
    ways: [
      {
        how: 'zero for ever',
        cells: {
          none: guarded('exit 5', 'random-untested'),
          ...same(['sev', ...PROTECTED], guarded('NO_RANDOM', 'random-untested')),
        },
      },
      {
        how: 'one number for ever',
        cells: {
          none: guarded('exit 5', 'random-untested'),
          ...same(['sev', ...PROTECTED], guarded('NO_RANDOM', 'random-untested')),
        },
      },
      {
        how: 'none at all',
        cells: same(['sev', ...PROTECTED], guarded('NO_RANDOM', 'no-random-no-end')),
      },
    ],
    differs: { none: 'the generator is tested in each mode; a program is told that there is none' },
  },
  {
    id: 'B31',
    title: 'other processors',
    source: 'COCONUT-SVSM check_vmsa and PR 578, Oak 810d99f86e',
    catalogue: ['W', 'W', 'G', 'G'],
    ways: [],
    absent: {
      construct: 'a second processor',
      file: 'test/attacks/absent.test.ts',
      test: 'starts with one processor and asks for no other',
    },
  },
  {
    id: 'B32',
    title: 'calls that do not come to an end',
    source: 'Linux, Documentation/security/snp-tdx-threat-model.rst',
    catalogue: ['G', 'G', 'G', 'G'],
    ways: [
      {
        how: 'nothing done at a page-state change, for ever',
        cells: same(SNP, guarded('PSC_STALLED', 'psc-for-ever')),
      },
      {
        how: 'woken without end',
        cells: same(ALL, guarded('unharmed', 'sleep-once')),
      },
      {
        how: 'going on after the end',
        cells: same(PROTECTED, guarded('NO_RANDOM', 'terminate-once')),
      },
    ],
  },
];
