/**
 * Where the image lies, in guest-physical memory and in the kernel's address space.
 *
 * ```
 *  GPA = place                                                      virtual address
 *  0010_0000  shim: entries, 32-bit code and tables (RX)            GPA, and TOP + place
 *  0010_4000  CPUID page      ┐ filled in by the launch under SNP   TOP + place (R)
 *  0010_5000  secrets page    ┘                                     TOP + place (RW)
 *  0010_6000  memory map      ┐ IGVM parameters, written            TOP + place (R)
 *  0010_7000  environment     ┘ by the host: untrusted              TOP + place (R)
 *  0010_8000  text (RX)                                             TOP + place
 *             rodata (R)
 *             data (RW)
 *             page tables, then the pool of unused ones (RW)
 *             the kernel's stack, exception stacks (RW), a page unmapped below each
 *  0018_0000  the kernel's static data (RW)                         GPA
 *             what did not fit below                                TOP + place
 *  4000_0000  no memory: the kernel maps stacks of compartments     TOP + place
 *  4800_0000  end of that window
 * ```
 *
 * A place is an address's distance from TOP. For all that the linker puts down it is the GPA too.
 */

/** First of the two gibibytes at the end of the address space, which hold all code. */
export const TOP = 0xffff_ffff_8000_0000n;

export const PAGE_SIZE = 4096;

/** The shim's pages: both entries, what runs before long mode, and the tables it needs. */
export const SHIM = 0x10_0000;
export const SHIM_END = 0x10_4000;

export const CPUID_PAGE = 0x10_4000;
export const SECRETS_PAGE = 0x10_5000;
/** IGVM's MEMORY_MAP parameter. */
export const MEMORY_MAP_PAGE = 0x10_6000;
/** IGVM's ENVIRONMENT_INFO at its start, VP_COUNT at {@link VP_COUNT_OFFSET}. */
export const ENVIRONMENT_PAGE = 0x10_7000;
export const VP_COUNT_OFFSET = 4;

/** Text and all that follows it. */
export const IMAGE = 0x10_8000;

/** The kernel's static data, as asc is told by `--memoryBase`. */
export const KERNEL_MEMORY = 0x18_0000;

/** Places that stay unmapped, for stacks that the kernel maps itself. */
export const WINDOW = 0x4000_0000;
export const WINDOW_END = 0x4800_0000;

/** Bytes of the kernel's stack, and of each stack of the exceptions that have one of their own. */
export const KERNEL_STACK_SIZE = 0x1_0000;
export const EXCEPTION_STACK_SIZE = 0x2000;

/** Selectors of the GDT that the linker makes. */
export const SELECTOR_CODE64 = 0x08;
export const SELECTOR_DATA = 0x10;
export const SELECTOR_CODE32 = 0x18;
export const SELECTOR_TSS = 0x20;

/**
 * Vectors on a stack of their own, and the number of its pointer in the TSS. #VC and #HV are not
 * among them: they nest, and a second one would overwrite the first's frame.
 */
export const EXCEPTION_STACKS: readonly (readonly [vector: number, stack: number])[] = [
  [2, 1], // NMI
  [8, 2], // #DF
  [14, 3], // #PF
  [18, 4], // #MC
];
