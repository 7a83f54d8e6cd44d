/** Numbers of the IGVM file format. IGVM, igvm_defs. */

export const MAGIC: u32 = 0x4d56_4749;
export const ARCHITECTURE_X64: u32 = 0;

/** Types of variable headers; bit 31 set: a loader may skip what it does not know. */
export const SUPPORTED_PLATFORM: u32 = 0x001;
export const GUEST_POLICY: u32 = 0x101;
export const RELOCATABLE_REGION: u32 = 0x102;
export const PAGE_TABLE_RELOCATION_REGION: u32 = 0x103;
export const CORIM_DOCUMENT: u32 = 0x104;
export const CORIM_SIGNATURE: u32 = 0x105;
export const CCA_POLICY: u32 = 0x106;
export const PARAMETER_AREA: u32 = 0x301;
export const PAGE_DATA: u32 = 0x302;
export const PARAMETER_INSERT: u32 = 0x303;
export const VP_CONTEXT: u32 = 0x304;
export const REQUIRED_MEMORY: u32 = 0x305;
export const VP_COUNT: u32 = 0x307;
export const SRAT: u32 = 0x308;
export const MADT: u32 = 0x309;
export const MMIO_RANGES: u32 = 0x30a;
export const SNP_ID_BLOCK: u32 = 0x30b;
export const MEMORY_MAP: u32 = 0x30c;
export const ERROR_RANGE: u32 = 0x30d;
export const COMMAND_LINE: u32 = 0x30e;
export const SLIT: u32 = 0x30f;
export const PPTT: u32 = 0x310;
export const VBS_MEASUREMENT: u32 = 0x311;
export const DEVICE_TREE: u32 = 0x312;
export const ENVIRONMENT_INFO: u32 = 0x313;

/** SUPPORTED_PLATFORM.platformType. */
export const PLATFORM_NATIVE: u32 = 0;
export const PLATFORM_VSM: u32 = 1;
export const PLATFORM_SNP: u32 = 2;
export const PLATFORM_TDX: u32 = 3;
export const PLATFORM_SEV: u32 = 4;
export const PLATFORM_SEV_ES: u32 = 5;

/** PAGE_DATA.flags and .dataType. */
export const PAGE_2M: u32 = 0x1;
export const PAGE_UNMEASURED: u32 = 0x2;
export const PAGE_SHARED: u32 = 0x4;
export const DATA_NORMAL: u32 = 0;
export const DATA_SECRETS: u32 = 1;
export const DATA_CPUID: u32 = 2;
export const DATA_CPUID_XF: u32 = 3;

/** MEMORY_MAP entry types. */
export const MEMORY: u32 = 0;
export const MEMORY_RESERVED: u32 = 1;
export const MEMORY_PERSISTENT: u32 = 2;

/** ENVIRONMENT_INFO. */
export const MEMORY_IS_SHARED: u32 = 0x1;
