/** Why compiled code traps: TrapSite.reason. The words are those of the Wasm specification's tests. */

export const UNREACHABLE: u32 = 1;
export const INTEGER_DIVIDE_BY_ZERO: u32 = 2;
export const INTEGER_OVERFLOW: u32 = 3;
export const INVALID_CONVERSION_TO_INTEGER: u32 = 4;
export const OUT_OF_BOUNDS_MEMORY_ACCESS: u32 = 5;
export const OUT_OF_BOUNDS_TABLE_ACCESS: u32 = 6;
export const UNDEFINED_ELEMENT: u32 = 7;
export const UNINITIALIZED_ELEMENT: u32 = 8;
export const INDIRECT_CALL_TYPE_MISMATCH: u32 = 9;
export const CALL_STACK_EXHAUSTED: u32 = 10;
export const UNALIGNED_ATOMIC: u32 = 11;
export const EXPECTED_SHARED_MEMORY: u32 = 12;
export const NULL_REFERENCE: u32 = 13;
