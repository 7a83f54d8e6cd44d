import type { Layout } from '../../spec/layout.ts';
import { ElfHeader, ElfNote, ElfProgram, ElfSection } from '../../spec/layouts/elf.ts';
import { Ghcb, PscHeader } from '../../spec/layouts/ghcb.ts';
import { MemoryMapEntry, StartInfo } from '../../spec/layouts/pvh.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import { Vmsa, VmsaSegment } from '../../spec/layouts/vmsa.ts';

/** A layout of ours and the C type that lays the same out. */
export interface Counterpart {
  readonly layout: Layout;
  readonly type: string;
  /** The C member of a field, or undefined where Linux's type stops short of it or has none. */
  readonly member: (field: string) => string | undefined;
  /** Whether C's type is as large as our layout. */
  readonly whole: boolean;
}

/** `swExitInfo1` as Linux would write it. */
const snake = (name: string) => name.replaceAll(/[A-Z]|(?<=Info)[0-9]/g, '_$&').toLowerCase();

const members = (names: Readonly<Record<string, string | undefined>>) => (field: string) =>
  field in names ? names[field] : field;

/** Fields that Linux 6.1 does not name yet are undefined. */
const vmsaNames: Readonly<Record<string, string | undefined>> = {
  pl0Ssp: 'vmpl0_ssp',
  pl1Ssp: 'vmpl1_ssp',
  pl2Ssp: 'vmpl2_ssp',
  pl3Ssp: 'vmpl3_ssp',
  dr0Mask: 'dr0_addr_mask',
  dr1Mask: 'dr1_addr_mask',
  dr2Mask: 'dr2_addr_mask',
  dr3Mask: 'dr3_addr_mask',
  exitInfo1: 'guest_exit_info_1',
  exitInfo2: 'guest_exit_info_2',
  exitIntInfo: 'guest_exit_int_info',
  exitCode: 'guest_exit_code',
  nRip: 'guest_nrip',
  xsaveValid: 'reserved_12',
  x87Registers: 'fpreg_x87',
  xmm: 'fpreg_xmm',
  ymmHigh: 'fpreg_ymm',
  specCtrl: undefined,
  tscAux: undefined,
  tscScale: undefined,
  tscOffset: undefined,
  regProtNonce: undefined,
  secureAvicCtrl: undefined,
  interceptWords: undefined,
};

const ghcbNames: Readonly<Record<string, string>> = {
  validLow: 'save.valid_bitmap[0]',
  validHigh: 'save.valid_bitmap[8]',
  sharedBuffer: 'shared_buffer',
  version: 'protocol_version',
  usage: 'ghcb_usage',
};

const secretsNames: Readonly<Record<string, string | undefined>> = {
  // Linux has a bit field of one bit here, which has no offset; the next field tells.
  flags: undefined,
  messageSeqno0: 'os_area.msg_seqno_0',
  messageSeqno1: 'os_area.msg_seqno_1',
  messageSeqno2: 'os_area.msg_seqno_2',
  messageSeqno3: 'os_area.msg_seqno_3',
  apJumpTable: 'os_area.ap_jump_table_pa',
  guestUsage: 'os_area.guest_usage',
  vmsaTweak: undefined,
  svsmBase: undefined,
  svsmSize: undefined,
  svsmCaa: undefined,
  svsmMaxVersion: undefined,
  svsmGuestVmpl: undefined,
  tscFactor: undefined,
};

const identification: Readonly<Record<string, string>> = {
  magic: 'e_ident[0]',
  class: 'e_ident[4]',
  data: 'e_ident[5]',
  version: 'e_ident[6]',
  osAbi: 'e_ident[7]',
};

export const counterparts: readonly Counterpart[] = [
  {
    layout: Ghcb,
    type: 'struct ghcb',
    member: (field) => ghcbNames[field] ?? `save.${snake(field)}`,
    whole: true,
  },
  {
    layout: PscHeader,
    type: 'struct psc_hdr',
    member: members({ currentEntry: 'cur_entry', endEntry: 'end_entry' }),
    whole: true,
  },
  {
    layout: VmsaSegment,
    type: 'struct vmcb_seg',
    member: (f) => ({ attributes: 'attrib' })[f] ?? f,
    whole: true,
  },
  {
    layout: Vmsa,
    type: 'struct sev_es_save_area',
    member: (field) => (field in vmsaNames ? vmsaNames[field] : snake(field)),
    whole: false,
  },
  {
    layout: SecretsPage,
    type: 'struct snp_secrets_page_layout',
    member: members(secretsNames),
    whole: true,
  },
  {
    layout: StartInfo,
    type: 'struct hvm_start_info',
    member: members({
      moduleCount: 'nr_modules',
      modules: 'modlist_paddr',
      commandLine: 'cmdline_paddr',
      rsdp: 'rsdp_paddr',
      memoryMap: 'memmap_paddr',
      memoryMapCount: 'memmap_entries',
    }),
    whole: true,
  },
  {
    layout: MemoryMapEntry,
    type: 'struct hvm_memmap_table_entry',
    member: members({ address: 'addr' }),
    whole: true,
  },
  {
    layout: ElfHeader,
    type: 'struct elf64_hdr',
    member: members({
      ...identification,
      type: 'e_type',
      machine: 'e_machine',
      fileVersion: 'e_version',
      entry: 'e_entry',
      programs: 'e_phoff',
      sections: 'e_shoff',
      flags: 'e_flags',
      headerSize: 'e_ehsize',
      programSize: 'e_phentsize',
      programCount: 'e_phnum',
      sectionSize: 'e_shentsize',
      sectionCount: 'e_shnum',
      nameSection: 'e_shstrndx',
    }),
    whole: true,
  },
  {
    layout: ElfProgram,
    type: 'struct elf64_phdr',
    member: members({
      type: 'p_type',
      flags: 'p_flags',
      offset: 'p_offset',
      virtual: 'p_vaddr',
      physical: 'p_paddr',
      fileSize: 'p_filesz',
      memorySize: 'p_memsz',
      alignment: 'p_align',
    }),
    whole: true,
  },
  {
    layout: ElfSection,
    type: 'struct elf64_shdr',
    member: members({
      name: 'sh_name',
      type: 'sh_type',
      flags: 'sh_flags',
      address: 'sh_addr',
      offset: 'sh_offset',
      size: 'sh_size',
      link: 'sh_link',
      info: 'sh_info',
      alignment: 'sh_addralign',
      entrySize: 'sh_entsize',
    }),
    whole: true,
  },
  {
    layout: ElfNote,
    type: 'struct elf64_note',
    member: members({ nameSize: 'n_namesz', descriptionSize: 'n_descsz', type: 'n_type' }),
    whole: true,
  },
];

/** Bit fields of spec/layouts/ghcb.ts PscEntry, by the member of C's `struct psc_entry`. */
export const pscMembers = {
  currentPage: 'cur_page',
  frame: 'gfn',
  operation: 'operation',
  huge: 'pagesize',
} as const;

/** A C expression: the word of a PSC entry in which all bits of one member are set. */
export const pscMask = (member: string) =>
  `((union { struct psc_entry entry; u64 word; }){ .entry = { .${member} = ~0ULL } }).word`;
