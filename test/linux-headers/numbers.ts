/** What Linux calls the numbers of one file of spec/. */
export interface Names {
  /** Our name -> C expression of the same value. */
  readonly linux: Readonly<Record<string, string>>;
  /** Names that these headers have no word for: other tests have to hold them. */
  readonly absent?: readonly string[];
}

const same = (prefix: string, names: string): Record<string, string> =>
  Object.fromEntries(names.split(' ').map((name) => [name, `${prefix}${name}`]));

const renamed = (prefix: string, pairs: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(pairs).map(([ours, theirs]) => [ours, `${prefix}${theirs}`]));

/** Bits of CPUID: X86_FEATURE_x is 32 times the number of a word, plus the bit in it. */
const feature = (ours: string, names: string): Record<string, string> =>
  Object.fromEntries(
    names.split(' ').map((pair) => {
      const [name, theirs = name] = pair.split(':');
      return [`${ours}_${name}`, `1u << (X86_FEATURE_${theirs} % 32)`];
    }),
  );

// biome-ignore format: names in rows
export const numbers: Readonly<Record<string, Names>> = {
  apic: {
    linux: {
      ...renamed('APIC_', {
        ID: 'ID',
        VERSION: 'LVR',
        TASK_PRIORITY: 'TASKPRI',
        END_OF_INTERRUPT: 'EOI',
        SPURIOUS: 'SPIV',
        SPURIOUS_ENABLE: 'SPIV_APIC_ENABLED',
        TIMER: 'LVTT',
        LINT0: 'LVT0',
        MASKED: 'LVT_MASKED',
        INITIAL_COUNT: 'TMICT',
        CURRENT_COUNT: 'TMCCT',
        DIVIDE: 'TDCR',
        DIVIDE_BY_1: 'TDR_DIV_1',
        DIVIDE_BY_16: 'TDR_DIV_16',
        PAGE: 'DEFAULT_PHYS_BASE',
      }),
      BASE_ENABLE: 'XAPIC_ENABLE',
      BASE_X2APIC: 'X2APIC_ENABLE',
    },
    absent: ['BASE_ADDRESS_MASK'],
  },
  cpu: {
    linux: {
      ...same(
        'X86_',
        'CR0_PE CR0_MP CR0_EM CR0_TS CR0_ET CR0_NE CR0_WP CR0_AM CR0_NW CR0_CD CR0_PG',
      ),
      ...same(
        'X86_',
        'CR4_TSD CR4_DE CR4_PSE CR4_PAE CR4_MCE CR4_PGE CR4_PCE CR4_OSFXSR CR4_OSXMMEXCPT',
      ),
      ...same(
        'X86_',
        'CR4_UMIP CR4_LA57 CR4_FSGSBASE CR4_PCIDE CR4_OSXSAVE CR4_SMEP CR4_SMAP CR4_PKE',
      ),
      ...renamed('X86_EFLAGS_', {
        RFLAGS_CF: 'CF',
        RFLAGS_FIXED: 'FIXED',
        RFLAGS_PF: 'PF',
        RFLAGS_AF: 'AF',
        RFLAGS_ZF: 'ZF',
        RFLAGS_SF: 'SF',
        RFLAGS_TF: 'TF',
        RFLAGS_IF: 'IF',
        RFLAGS_DF: 'DF',
        RFLAGS_OF: 'OF',
        RFLAGS_IOPL: 'IOPL',
        RFLAGS_NT: 'NT',
        RFLAGS_RF: 'RF',
        RFLAGS_VM: 'VM',
        RFLAGS_AC: 'AC',
        RFLAGS_ID: 'ID',
      }),
      ...Object.fromEntries(
        'DE DB NMI BP OF BR UD NM DF TS NP SS GP PF MF AC MC XF CP VC'
          .split(' ')
          .map((name) => [`VECTOR_${name}`, `X86_TRAP_${name}`]),
      ),
    },
    absent: ['VECTOR_HV', 'VECTOR_SX'],
  },
  cpuid: {
    linux: {
      ...feature('EDX', 'TSC MSR PAE CX8 APIC PGE CMOV FXSR SSE:XMM SSE2:XMM2'),
      ...feature(
        'ECX',
        'SSE3:XMM3 PCLMULQDQ SSSE3 CX16 SSE41:XMM4_1 SSE42:XMM4_2 X2APIC MOVBE',
      ),
      ...feature('ECX', 'POPCNT AES XSAVE OSXSAVE AVX RDRAND HYPERVISOR'),
      ...feature('EDX', 'FPU PSE SEP CLFLUSH'),
      ...feature('EBX', 'BMI1 AVX2 BMI2 RDSEED FSGSBASE SMEP INVPCID SMAP CLFLUSHOPT CLWB'),
      ...feature('ECX', 'RDPID PREFETCH:3DNOWPREFETCH'),
      ...feature('EDX', 'PAGE_1G:GBPAGES RDTSCP'),
      ...feature('EDX', 'SYSCALL NX LONG_MODE:LM'),
      ...feature('ECX', 'LAHF:LAHF_LM LZCNT:ABM'),
      ...feature('EAX', 'SEV SEV_ES COHERENT:SME_COHERENT XSAVES'),
      ...feature('ECX', 'OSPKE'),
    },
    absent: [
      'LEAF_TOPOLOGY', 'LEAF_EXTENDED_TOPOLOGY', 'LEAF_EXTENDED_APIC', 'LEAF_FREQUENCIES', 'ECX_XSAVE_ALIGNED',
      'LEAF_FEATURES', 'LEAF_STRUCTURED_FEATURES', 'LEAF_XSAVE', 'LEAF_EXTENDED',
      'LEAF_EXTENDED_FEATURES', 'LEAF_ADDRESS_SIZES', 'LEAF_ENCRYPTED_MEMORY', 'EAX_SNP',
      'EBX_C_BIT_MASK', 'EAX_VMPL', 'EAX_64_BIT_HOST', 'EAX_RESTRICTED_INJECTION', 'EBX_COHERENCY_SFW_NO',
    ],
  },
  doorbell: {
    linux: {},
    absent: [
      'VECTOR_MASK', 'NMI', 'MACHINE_CHECK', 'RESERVED', 'NO_FURTHER_SIGNAL', 'NO_EOI',
      'GET_PREFERRED', 'SET', 'QUERY', 'CLEAR',
    ],
  },
  'event-injection': {
    linux: {
      TYPE_SHIFT: 'SVM_EVTINJ_TYPE_SHIFT',
      TYPE_INTERRUPT: 'SVM_EVTINJ_TYPE_INTR >> SVM_EVTINJ_TYPE_SHIFT',
      TYPE_NMI: 'SVM_EVTINJ_TYPE_NMI >> SVM_EVTINJ_TYPE_SHIFT',
      TYPE_EXCEPTION: 'SVM_EVTINJ_TYPE_EXEPT >> SVM_EVTINJ_TYPE_SHIFT',
      TYPE_SOFTWARE: 'SVM_EVTINJ_TYPE_SOFT >> SVM_EVTINJ_TYPE_SHIFT',
      ERROR_VALID: 'SVM_EVTINJ_VALID_ERR',
      VALID: '(u32)SVM_EVTINJ_VALID',
    },
  },
  exit: {
    linux: {
      ...renamed('SVM_EXIT_', {
        CR0_READ: 'READ_CR0',
        CR0_WRITE: 'WRITE_CR0',
        DR0_READ: 'READ_DR0',
        DR7_READ: 'READ_DR7',
        DR0_WRITE: 'WRITE_DR0',
        DR7_WRITE: 'WRITE_DR7',
        MWAIT_CONDITIONAL: 'MWAIT_COND',
      }),
      ...same(
        'SVM_EXIT_',
        'EXCP_BASE INTR NMI SMI INIT VINTR CR0_SEL_WRITE IDTR_READ GDTR_READ LDTR_READ',
      ),
      ...same(
        'SVM_EXIT_',
        'TR_READ IDTR_WRITE GDTR_WRITE LDTR_WRITE TR_WRITE RDTSC RDPMC PUSHF POPF CPUID',
      ),
      ...same(
        'SVM_EXIT_',
        'RSM IRET SWINT INVD PAUSE HLT INVLPG INVLPGA IOIO MSR TASK_SWITCH FERR_FREEZE',
      ),
      ...same(
        'SVM_EXIT_',
        'SHUTDOWN VMRUN VMMCALL VMLOAD VMSAVE STGI CLGI SKINIT RDTSCP ICEBP WBINVD',
      ),
      ...same('SVM_EXIT_', 'MONITOR MWAIT XSETBV RDPRU EFER_WRITE_TRAP CR0_WRITE_TRAP INVPCID NPF'),
      ...same('SVM_EXIT_', 'AVIC_INCOMPLETE_IPI AVIC_UNACCELERATED_ACCESS VMGEXIT'),
      DB_EXCP: 'SVM_EXIT_EXCP_BASE + X86_TRAP_DB',
      AC_EXCP: 'SVM_EXIT_EXCP_BASE + X86_TRAP_AC',
      INVALID: '(u32)SVM_EXIT_ERR',
      // Linux has these five as intercepts only: bit 160 is that of exit code A0h.
      INVLPGB: 'INTERCEPT_INVLPGB - 160 + 0xa0',
      INVLPGB_ILLEGAL: 'INTERCEPT_INVLPGB_ILLEGAL - 160 + 0xa0',
      MCOMMIT: 'INTERCEPT_MCOMMIT - 160 + 0xa0',
      TLBSYNC: 'INTERCEPT_TLBSYNC - 160 + 0xa0',
    },
    absent: ['BUSLOCK', 'IDLE_HLT', 'PAGE_NOT_VALIDATED', 'BUSY', 'IDLE_REQUIRED'],
  },
  'ghcb-event': {
    linux: {
      ...same(
        'SVM_VMGEXIT_',
        'MMIO_READ MMIO_WRITE NMI_COMPLETE AP_JUMP_TABLE GUEST_REQUEST AP_CREATION',
      ),
      ...same('SVM_VMGEXIT_', 'HV_FEATURES UNSUPPORTED_EVENT'),
      ...renamed('SVM_VMGEXIT_', {
        AP_RESET_HOLD: 'AP_HLT_LOOP',
        PAGE_STATE_CHANGE: 'PSC',
        EXTENDED_GUEST_REQUEST: 'EXT_GUEST_REQUEST',
        TERMINATION_REQUEST: 'TERM_REQUEST',
      }),
    },
    absent: ['HV_DOORBELL_PAGE', 'HV_IPI', 'HV_TIMER', 'APIC_ID_LIST', 'RUN_VMPL', 'SECURE_AVIC'],
  },
  'ghcb-msr': {
    linux: {
      INFO_MASK: 'GHCB_MSR_INFO_MASK',
      ...renamed('GHCB_MSR_', {
        SEV_INFO_REQUEST: 'SEV_INFO_REQ',
        SEV_INFO_RESPONSE: 'SEV_INFO_RESP',
        CPUID_REQUEST: 'CPUID_REQ',
        CPUID_RESPONSE: 'CPUID_RESP',
        AP_RESET_HOLD_REQUEST: 'AP_RESET_HOLD_REQ',
        AP_RESET_HOLD_RESPONSE: 'AP_RESET_HOLD_RESP',
        REGISTER_GHCB_REQUEST: 'REG_GPA_REQ',
        REGISTER_GHCB_RESPONSE: 'REG_GPA_RESP',
        PAGE_STATE_CHANGE_REQUEST: 'PSC_REQ',
        PAGE_STATE_CHANGE_RESPONSE: 'PSC_RESP',
        HV_FEATURES_REQUEST: 'HV_FT_REQ',
        HV_FEATURES_RESPONSE: 'HV_FT_RESP',
        TERMINATE_REQUEST: 'TERM_REQ',
      }),
    },
    absent: [
      'PREFERRED_GHCB_REQUEST',
      'PREFERRED_GHCB_RESPONSE',
      'RUN_VMPL_REQUEST',
      'RUN_VMPL_RESPONSE',
    ],
  },
  ghcb: {
    linux: {
      VERSION_MIN: 'GHCB_PROTOCOL_MIN',
      VERSION_MAX: 'GHCB_PROTOCOL_MAX',
      USAGE_STANDARD: 'GHCB_DEFAULT_USAGE',
      ...renamed('GHCB_ERR_', {
        ERROR_NOT_REGISTERED: 'NOT_REGISTERED',
        ERROR_INVALID_USAGE: 'INVALID_USAGE',
        ERROR_INVALID_SCRATCH: 'INVALID_SCRATCH_AREA',
        ERROR_MISSING_INPUT: 'MISSING_INPUT',
        ERROR_INVALID_INPUT: 'INVALID_INPUT',
        ERROR_INVALID_EVENT: 'INVALID_EVENT',
      }),
      ...Object.fromEntries(
        'CPL XSS RAX RCX RDX RBX RSI RDI R8 XCR0'
          .split(' ')
          .map((name) => [`VALID_${name}`, `GHCB_BITMAP_IDX(${name.toLowerCase()})`]),
      ),
      VALID_SW_EXITCODE: 'GHCB_BITMAP_IDX(sw_exit_code)',
      VALID_SW_EXITINFO1: 'GHCB_BITMAP_IDX(sw_exit_info_1)',
      VALID_SW_EXITINFO2: 'GHCB_BITMAP_IDX(sw_exit_info_2)',
      VALID_SW_SCRATCH: 'GHCB_BITMAP_IDX(sw_scratch)',
      SHARED_BUFFER: 'offsetof(struct ghcb, shared_buffer)',
      SHARED_BUFFER_SIZE: 'GHCB_SHARED_BUF_SIZE',
    },
    absent: ['USAGE_INVALID', 'RESULT_OK', 'RESULT_EXCEPTION', 'RESULT_MALFORMED'],
  },
  'hv-features': {
    linux: { SNP: 'GHCB_HV_FT_SNP', AP_CREATION: 'GHCB_HV_FT_SNP_AP_CREATION' },
    absent: ['RESTRICTED_INJECTION', 'RESTRICTED_INJECTION_TIMER', 'APIC_ID_LIST', 'MULTI_VMPL'],
  },
  ioio: {
    linux: {
      IN: 'SVM_IOIO_TYPE_MASK',
      STRING: 'SVM_IOIO_STR_MASK',
      REP: 'SVM_IOIO_REP_MASK',
      SIZE_8: '1 << SVM_IOIO_SIZE_SHIFT',
      SIZE_16: '2 << SVM_IOIO_SIZE_SHIFT',
      SIZE_32: '4 << SVM_IOIO_SIZE_SHIFT',
      ADDRESS_16: '1 << SVM_IOIO_ASIZE_SHIFT',
      ADDRESS_32: '2 << SVM_IOIO_ASIZE_SHIFT',
      ADDRESS_64: '4 << SVM_IOIO_ASIZE_SHIFT',
    },
    absent: ['SEGMENT_SHIFT', 'SEGMENT_ES', 'SEGMENT_DS', 'PORT_SHIFT'],
  },
  msr: {
    linux: {
      ...renamed('MSR_IA32_', {
        TSC: 'TSC',
        APIC_BASE: 'APICBASE',
        SYSENTER_CS: 'SYSENTER_CS',
        SYSENTER_ESP: 'SYSENTER_ESP',
        SYSENTER_EIP: 'SYSENTER_EIP',
        PAT: 'CR_PAT',
        XSS: 'XSS', 
      }),
      ...same('MSR_', 'EFER STAR LSTAR CSTAR FS_BASE GS_BASE KERNEL_GS_BASE TSC_AUX'),
      ...same('', 'EFER_SCE EFER_LME EFER_LMA EFER_SVME EFER_FFXSR'),
      EFER_NXE: 'EFER_NX',
      SFMASK: 'MSR_SYSCALL_MASK',
      SYSCFG: 'MSR_AMD64_SYSCFG',
      HWCR: 'MSR_K7_HWCR',
      PATCH_LEVEL: 'MSR_AMD64_PATCH_LEVEL',
      GHCB: 'MSR_AMD64_SEV_ES_GHCB',
      SEV_STATUS: 'MSR_AMD64_SEV',
    },
    absent: ['EFER_DEFINED', 'X2APIC', 'X2APIC_LAST', 'GUEST_TSC_FREQ', 'VIRTUAL_TOM', 'SVSM_CAA'],
  },
  'page-fault': {
    linux: {
      PRESENT: 'X86_PF_PROT',
      WRITE: 'X86_PF_WRITE',
      USER: 'X86_PF_USER',
      RESERVED: 'X86_PF_RSVD',
      FETCH: 'X86_PF_INSTR',
      FINAL_ADDRESS: 'PFERR_GUEST_FINAL_MASK',
      TABLE_ADDRESS: 'PFERR_GUEST_PAGE_MASK',
    },
    absent: ['SHADOW_STACK', 'RMP', 'ENCRYPTED', 'SIZE_MISMATCH', 'VMPL'],
  },
  paging: {
    linux: {
      ...Object.fromEntries(
        Object.entries({
          PRESENT: 'PRESENT',
          WRITABLE: 'RW',
          USER: 'USER',
          WRITE_THROUGH: 'PWT',
          CACHE_DISABLE: 'PCD',
          ACCESSED: 'ACCESSED',
          DIRTY: 'DIRTY',
          PAGE_SIZE: 'PSE',
          GLOBAL: 'GLOBAL',
          NO_EXECUTE: 'NX',
        }).map(([ours, theirs]) => [ours, `1ULL << _PAGE_BIT_${theirs}`]),
      ),
    },
    absent: ['ADDRESS_MASK'],
  },
  psc: {
    linux: {
      PRIVATE: 'SNP_PAGE_STATE_PRIVATE',
      SHARED: 'SNP_PAGE_STATE_SHARED',
      MAX_ENTRIES: 'VMGEXIT_PSC_MAX_ENTRY',
    },
    absent: ['PSMASH', 'UNSMASH', 'ERROR_INVALID_HEADER', 'ERROR_INVALID_ENTRY', 'GENERIC_ERROR'],
  },
  'psp-status': {
    linux: {
      ...same('SEV_RET_', 'SUCCESS INVALID_PLATFORM_STATE INVALID_GUEST_STATE ALREADY_OWNED'),
      ...same(
        'SEV_RET_',
        'INVALID_CERTIFICATE POLICY_FAILURE INACTIVE INVALID_ADDRESS BAD_SIGNATURE',
      ),
      ...same('SEV_RET_', 'BAD_MEASUREMENT ASID_OWNED INVALID_ASID WBINVD_REQUIRED'),
      INVALID_CONFIG: 'SEV_RET_INAVLID_CONFIG',
      INVALID_LENGTH: 'SEV_RET_INVALID_LEN',
      DF_FLUSH_REQUIRED: 'SEV_RET_DFFLUSH_REQUIRED',
      ...same('SEV_RET_', 'INVALID_GUEST INVALID_COMMAND ACTIVE UNSUPPORTED INVALID_PARAM'),
      ...same('SEV_RET_', 'RESOURCE_LIMIT SECURE_DATA_INVALID'),
      HWERROR_PLATFORM: 'SEV_RET_HWSEV_RET_PLATFORM',
      HWERROR_UNSAFE: 'SEV_RET_HWSEV_RET_UNSAFE',
    },
    absent: [
      'INVALID_PAGE_SIZE',
      'INVALID_PAGE_STATE',
      'INVALID_MDATA_ENTRY',
      'INVALID_PAGE_OWNER',
      'AEAD_OFLOW',
      'RB_MODE_EXITED',
      'RMP_INIT_REQUIRED',
      'BAD_SVN',
      'BAD_VERSION',
      'SHUTDOWN_REQUIRED',
      'UPDATE_FAILED',
      'RESTORE_REQUIRED',
      'RMP_INIT_FAILED',
      'INVALID_KEY',
    ],
  },
  pit: {
    linux: { COUNTER_0: 'PIT_CH0', CONTROL: 'PIT_MODE' },
    absent: ['FREQUENCY', 'COUNTER_0_MODE_0', 'COUNTER_0_LATCH'],
  },
  pvh: {
    linux: {
      START_INFO_MAGIC: 'XEN_HVM_START_MAGIC_VALUE',
      NOTE_PHYS32_ENTRY: 'XEN_ELFNOTE_PHYS32_ENTRY',
      ...renamed('XEN_HVM_MEMMAP_TYPE_', {
        RAM: 'RAM',
        RESERVED: 'RESERVED',
        ACPI: 'ACPI',
        NVS: 'NVS',
        UNUSABLE: 'UNUSABLE',
      }),
    },
  },
  rmp: {
    linux: { PAGE_4K: 'RMP_PG_SIZE_4K', ATTRIBUTE_VMSA: 'RMPADJUST_VMSA_PAGE_BIT' },
    absent: [
      'PAGE_2M',
      'OK',
      'FAIL_INPUT',
      'FAIL_PERMISSION',
      'FAIL_INUSE',
      'FAIL_BAD_PAGE',
      'FAIL_OVERLAP',
      'FAIL_SIZEMISMATCH',
      'READ',
      'WRITE',
      'EXECUTE_USER',
      'EXECUTE_SUPERVISOR',
      'ALL',
    ],
  },
  'sev-status': {
    linux: {
      SEV: 'MSR_AMD64_SEV_ENABLED',
      SEV_ES: 'MSR_AMD64_SEV_ES_ENABLED',
      SNP: 'MSR_AMD64_SEV_SNP_ENABLED',
    },
    absent: [
      'VTOM', 'REFLECT_VC', 'RESTRICTED_INJECTION', 'ALTERNATE_INJECTION', 'DEBUG_SWAP',
      'PREVENT_HOST_IBS', 'BTB_ISOLATION', 'VMPL_SSS', 'SECURE_TSC', 'VMGEXIT_PARAMETER',
      'PMC_VIRTUALIZATION', 'IBS_VIRTUALIZATION', 'GUEST_INTERCEPT_CTL', 'VMSA_REG_PROT',
      'SMT_PROTECTION', 'SECURE_AVIC', 'IBPB_ON_ENTRY', 'FEATURES_SHIFT',
    ],
  },
  termination: {
    linux: {
      GENERAL: 'GHCB_SEV_ES_GEN_REQ',
      PROTOCOL_VERSION_UNSUPPORTED: 'GHCB_SEV_ES_PROT_UNSUPPORTED',
      SNP_FEATURES_UNSUPPORTED: 'GHCB_SNP_UNSUPPORTED',
    },
  },
  uart: {
    linux: {
      THR: 'UART_TX',
      RBR: 'UART_RX',
      DLL: 'UART_DLL',
      IER: 'UART_IER',
      DLM: 'UART_DLM',
      IIR: 'UART_IIR',
      FCR: 'UART_FCR',
      LCR: 'UART_LCR',
      MCR: 'UART_MCR',
      LSR: 'UART_LSR',
      MSR: 'UART_MSR',
      SCR: 'UART_SCR',
      LCR_8N1: 'UART_LCR_WLEN8',
      ...same('UART_', 'LCR_DLAB MCR_DTR MCR_RTS MCR_OUT2'),
      FCR_ENABLE: 'UART_FCR_ENABLE_FIFO',
      FCR_CLEAR_RX: 'UART_FCR_CLEAR_RCVR',
      FCR_CLEAR_TX: 'UART_FCR_CLEAR_XMIT',
      LSR_DATA_READY: 'UART_LSR_DR',
      LSR_THR_EMPTY: 'UART_LSR_THRE',
      LSR_TX_EMPTY: 'UART_LSR_TEMT',
    },
    absent: ['COM1'],
  },
  elf: {
    linux: {
      MAGIC: '*(u32 *)ELFMAG',
      CLASS_32: 'ELFCLASS32',
      CLASS_64: 'ELFCLASS64',
      DATA_LITTLE_ENDIAN: 'ELFDATA2LSB',
      VERSION: 'EV_CURRENT',
      TYPE_EXECUTABLE: 'ET_EXEC',
      TYPE_CORE: 'ET_CORE',
      PROGRAM_LOAD: 'PT_LOAD',
      PROGRAM_NOTE: 'PT_NOTE',
      PROGRAM_GNU_STACK: 'PT_GNU_STACK',
      FLAG_EXECUTE: 'PF_X',
      FLAG_WRITE: 'PF_W',
      FLAG_READ: 'PF_R',
      SECTION_NULL: 'SHT_NULL',
      SECTION_PROGBITS: 'SHT_PROGBITS',
      SECTION_SYMTAB: 'SHT_SYMTAB',
      SECTION_STRTAB: 'SHT_STRTAB',
      SECTION_NOTE: 'SHT_NOTE',
      SECTION_NOBITS: 'SHT_NOBITS',
      SECTION_WRITE: 'SHF_WRITE',
      SECTION_ALLOC: 'SHF_ALLOC',
      SECTION_EXECUTE: 'SHF_EXECINSTR',
      NOTE_PRSTATUS: 'NT_PRSTATUS', MACHINE_386: 'EM_386', MACHINE_X86_64: 'EM_X86_64',
    },
  },
};
