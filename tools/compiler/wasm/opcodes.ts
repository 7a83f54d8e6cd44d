/**
 * The instructions of WebAssembly 2.0 that this compiler knows, numbered as in the binary format
 * (§5.4); those behind a prefix are prefix * 0x100 + number. The intermediate representation uses
 * the same numbers for what means the same.
 */

// biome-ignore format: a group a line
export const Op = {
  UNREACHABLE: 0x00, NOP: 0x01, BLOCK: 0x02, LOOP: 0x03, IF: 0x04, ELSE: 0x05, END: 0x0b,
  BR: 0x0c, BR_IF: 0x0d, BR_TABLE: 0x0e, RETURN: 0x0f, CALL: 0x10, CALL_INDIRECT: 0x11, RETURN_CALL: 0x12, RETURN_CALL_INDIRECT: 0x13,
  DROP: 0x1a, SELECT: 0x1b, SELECT_TYPED: 0x1c,
  LOCAL_GET: 0x20, LOCAL_SET: 0x21, LOCAL_TEE: 0x22, GLOBAL_GET: 0x23, GLOBAL_SET: 0x24,
  TABLE_GET: 0x25, TABLE_SET: 0x26,
  I32_LOAD: 0x28, I64_LOAD: 0x29, F32_LOAD: 0x2a, F64_LOAD: 0x2b,
  I32_LOAD8_S: 0x2c, I32_LOAD8_U: 0x2d, I32_LOAD16_S: 0x2e, I32_LOAD16_U: 0x2f,
  I64_LOAD8_S: 0x30, I64_LOAD8_U: 0x31, I64_LOAD16_S: 0x32, I64_LOAD16_U: 0x33, I64_LOAD32_S: 0x34, I64_LOAD32_U: 0x35,
  I32_STORE: 0x36, I64_STORE: 0x37, F32_STORE: 0x38, F64_STORE: 0x39,
  I32_STORE8: 0x3a, I32_STORE16: 0x3b, I64_STORE8: 0x3c, I64_STORE16: 0x3d, I64_STORE32: 0x3e,
  MEMORY_SIZE: 0x3f, MEMORY_GROW: 0x40,
  I32_CONST: 0x41, I64_CONST: 0x42, F32_CONST: 0x43, F64_CONST: 0x44,
  I32_EQZ: 0x45, I32_EQ: 0x46, I32_NE: 0x47, I32_LT_S: 0x48, I32_LT_U: 0x49, I32_GT_S: 0x4a, I32_GT_U: 0x4b,
  I32_LE_S: 0x4c, I32_LE_U: 0x4d, I32_GE_S: 0x4e, I32_GE_U: 0x4f,
  I64_EQZ: 0x50, I64_EQ: 0x51, I64_NE: 0x52, I64_LT_S: 0x53, I64_LT_U: 0x54, I64_GT_S: 0x55, I64_GT_U: 0x56,
  I64_LE_S: 0x57, I64_LE_U: 0x58, I64_GE_S: 0x59, I64_GE_U: 0x5a,
  F32_EQ: 0x5b, F32_NE: 0x5c, F32_LT: 0x5d, F32_GT: 0x5e, F32_LE: 0x5f, F32_GE: 0x60,
  F64_EQ: 0x61, F64_NE: 0x62, F64_LT: 0x63, F64_GT: 0x64, F64_LE: 0x65, F64_GE: 0x66,
  I32_CLZ: 0x67, I32_CTZ: 0x68, I32_POPCNT: 0x69, I32_ADD: 0x6a, I32_SUB: 0x6b, I32_MUL: 0x6c,
  I32_DIV_S: 0x6d, I32_DIV_U: 0x6e, I32_REM_S: 0x6f, I32_REM_U: 0x70, I32_AND: 0x71, I32_OR: 0x72, I32_XOR: 0x73,
  I32_SHL: 0x74, I32_SHR_S: 0x75, I32_SHR_U: 0x76, I32_ROTL: 0x77, I32_ROTR: 0x78,
  I64_CLZ: 0x79, I64_CTZ: 0x7a, I64_POPCNT: 0x7b, I64_ADD: 0x7c, I64_SUB: 0x7d, I64_MUL: 0x7e,
  I64_DIV_S: 0x7f, I64_DIV_U: 0x80, I64_REM_S: 0x81, I64_REM_U: 0x82, I64_AND: 0x83, I64_OR: 0x84, I64_XOR: 0x85,
  I64_SHL: 0x86, I64_SHR_S: 0x87, I64_SHR_U: 0x88, I64_ROTL: 0x89, I64_ROTR: 0x8a,
  F32_ABS: 0x8b, F32_NEG: 0x8c, F32_CEIL: 0x8d, F32_FLOOR: 0x8e, F32_TRUNC: 0x8f, F32_NEAREST: 0x90, F32_SQRT: 0x91,
  F32_ADD: 0x92, F32_SUB: 0x93, F32_MUL: 0x94, F32_DIV: 0x95, F32_MIN: 0x96, F32_MAX: 0x97, F32_COPYSIGN: 0x98,
  F64_ABS: 0x99, F64_NEG: 0x9a, F64_CEIL: 0x9b, F64_FLOOR: 0x9c, F64_TRUNC: 0x9d, F64_NEAREST: 0x9e, F64_SQRT: 0x9f,
  F64_ADD: 0xa0, F64_SUB: 0xa1, F64_MUL: 0xa2, F64_DIV: 0xa3, F64_MIN: 0xa4, F64_MAX: 0xa5, F64_COPYSIGN: 0xa6,
  I32_WRAP_I64: 0xa7, I32_TRUNC_F32_S: 0xa8, I32_TRUNC_F32_U: 0xa9, I32_TRUNC_F64_S: 0xaa, I32_TRUNC_F64_U: 0xab,
  I64_EXTEND_I32_S: 0xac, I64_EXTEND_I32_U: 0xad,
  I64_TRUNC_F32_S: 0xae, I64_TRUNC_F32_U: 0xaf, I64_TRUNC_F64_S: 0xb0, I64_TRUNC_F64_U: 0xb1,
  F32_CONVERT_I32_S: 0xb2, F32_CONVERT_I32_U: 0xb3, F32_CONVERT_I64_S: 0xb4, F32_CONVERT_I64_U: 0xb5, F32_DEMOTE_F64: 0xb6,
  F64_CONVERT_I32_S: 0xb7, F64_CONVERT_I32_U: 0xb8, F64_CONVERT_I64_S: 0xb9, F64_CONVERT_I64_U: 0xba, F64_PROMOTE_F32: 0xbb,
  I32_REINTERPRET_F32: 0xbc, I64_REINTERPRET_F64: 0xbd, F32_REINTERPRET_I32: 0xbe, F64_REINTERPRET_I64: 0xbf,
  I32_EXTEND8_S: 0xc0, I32_EXTEND16_S: 0xc1, I64_EXTEND8_S: 0xc2, I64_EXTEND16_S: 0xc3, I64_EXTEND32_S: 0xc4,
  REF_NULL: 0xd0, REF_IS_NULL: 0xd1, REF_FUNC: 0xd2,
  I32_TRUNC_SAT_F32_S: 0xfc00, I32_TRUNC_SAT_F32_U: 0xfc01, I32_TRUNC_SAT_F64_S: 0xfc02, I32_TRUNC_SAT_F64_U: 0xfc03,
  I64_TRUNC_SAT_F32_S: 0xfc04, I64_TRUNC_SAT_F32_U: 0xfc05, I64_TRUNC_SAT_F64_S: 0xfc06, I64_TRUNC_SAT_F64_U: 0xfc07,
  MEMORY_INIT: 0xfc08, DATA_DROP: 0xfc09, MEMORY_COPY: 0xfc0a, MEMORY_FILL: 0xfc0b,
  TABLE_INIT: 0xfc0c, ELEM_DROP: 0xfc0d, TABLE_COPY: 0xfc0e, TABLE_GROW: 0xfc0f, TABLE_SIZE: 0xfc10, TABLE_FILL: 0xfc11,
} as const;

/** `i32.add` for 0x6a; for what the table does not hold, its number. */
export function opcodeName(op: number): string {
  return NAMES.get(op) ?? `0x${op.toString(16)}`;
}

const NAMES = new Map<number, string>(
  Object.entries(Op).map(([key, op]) => {
    const name = key.toLowerCase();
    const prefixed = /^(i32|i64|f32|f64|local|global|table|memory|data|elem|ref)_(.*)$/.exec(name);
    return [op, prefixed ? `${prefixed[1]}.${prefixed[2]}` : name];
  }),
);

/** Types as the binary format writes them (§5.3), and the bottom type of unreachable code. */
export const Type = {
  I32: 0x7f,
  I64: 0x7e,
  F32: 0x7d,
  F64: 0x7c,
  V128: 0x7b,
  FUNCREF: 0x70,
  EXTERNREF: 0x6f,
  ANY: 0,
} as const;

const LETTERS: Readonly<Record<string, number>> = {
  i: Type.I32,
  I: Type.I64,
  f: Type.F32,
  F: Type.F64,
};

/** What an instruction without immediates pops (in order, last on top) and pushes. */
export interface Signature {
  readonly params: readonly number[];
  /** 0: nothing. */
  readonly result: number;
}

/**
 * Signatures of the numeric instructions and of memory accesses, by opcode.
 * In the table: i = i32, I = i64, f = f32, F = f64; first and last opcode of a run, then its type.
 */
export const SIGNATURES: ReadonlyMap<number, Signature> = signatures([
  [0x28, 0x28, 'i:i'],
  [0x29, 0x29, 'i:I'],
  [0x2a, 0x2a, 'i:f'],
  [0x2b, 0x2b, 'i:F'],
  [0x2c, 0x2f, 'i:i'],
  [0x30, 0x35, 'i:I'],
  [0x36, 0x36, 'ii:'],
  [0x37, 0x37, 'iI:'],
  [0x38, 0x38, 'if:'],
  [0x39, 0x39, 'iF:'],
  [0x3a, 0x3b, 'ii:'],
  [0x3c, 0x3e, 'iI:'],
  [0x45, 0x45, 'i:i'],
  [0x46, 0x4f, 'ii:i'],
  [0x50, 0x50, 'I:i'],
  [0x51, 0x5a, 'II:i'],
  [0x5b, 0x60, 'ff:i'],
  [0x61, 0x66, 'FF:i'],
  [0x67, 0x69, 'i:i'],
  [0x6a, 0x78, 'ii:i'],
  [0x79, 0x7b, 'I:I'],
  [0x7c, 0x8a, 'II:I'],
  [0x8b, 0x91, 'f:f'],
  [0x92, 0x98, 'ff:f'],
  [0x99, 0x9f, 'F:F'],
  [0xa0, 0xa6, 'FF:F'],
  [0xa7, 0xa7, 'I:i'],
  [0xa8, 0xa9, 'f:i'],
  [0xaa, 0xab, 'F:i'],
  [0xac, 0xad, 'i:I'],
  [0xae, 0xaf, 'f:I'],
  [0xb0, 0xb1, 'F:I'],
  [0xb2, 0xb3, 'i:f'],
  [0xb4, 0xb5, 'I:f'],
  [0xb6, 0xb6, 'F:f'],
  [0xb7, 0xb8, 'i:F'],
  [0xb9, 0xba, 'I:F'],
  [0xbb, 0xbb, 'f:F'],
  [0xbc, 0xbc, 'f:i'],
  [0xbd, 0xbd, 'F:I'],
  [0xbe, 0xbe, 'i:f'],
  [0xbf, 0xbf, 'I:F'],
  [0xc0, 0xc1, 'i:i'],
  [0xc2, 0xc4, 'I:I'],
  [0xfc00, 0xfc01, 'f:i'],
  [0xfc02, 0xfc03, 'F:i'],
  [0xfc04, 0xfc05, 'f:I'],
  [0xfc06, 0xfc07, 'F:I'],
  [0xfc08, 0xfc08, 'iii:'],
  [0xfc0a, 0xfc0c, 'iii:'],
  [0xfc0e, 0xfc0e, 'iii:'],
]);

function signatures(runs: readonly (readonly [number, number, string])[]): Map<number, Signature> {
  const table = new Map<number, Signature>();
  for (const [first, last, type] of runs) {
    const [params = '', result = ''] = type.split(':');
    const signature = {
      params: Array.from(params, (letter) => LETTERS[letter] as number),
      result: LETTERS[result] ?? 0,
    };
    for (let op = first; op <= last; op++) table.set(op, signature);
  }
  return table;
}

export function isLoad(op: number): boolean {
  return op >= Op.I32_LOAD && op <= Op.I64_LOAD32_U;
}

export function isStore(op: number): boolean {
  return op >= Op.I32_STORE && op <= Op.I64_STORE32;
}

/** log2 of the bytes that a load or store accesses: the largest alignment it may state. */
export function accessShift(op: number): number {
  return ACCESS_SHIFTS[op - Op.I32_LOAD] as number;
}

// biome-ignore format: as the opcodes run
const ACCESS_SHIFTS = [2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 3, 2, 3, 0, 1, 0, 1, 2];

/** What refuses an opcode that is part of a later feature. */
export function featureOf(op: number): string | undefined {
  if (op >= 0x06 && op <= 0x0a) return 'exception handling';
  if (op === 0x18 || op === 0x19 || op === 0x1f) return 'exception handling';
  if (op === 0x14 || op === 0x15 || (op >= 0xd3 && op <= 0xd6)) return 'function references';
  if (op >= 0xfc12 && op <= 0xfc16) return 'wide arithmetic or memory control';
  if (op === 0xfb) return 'garbage collection';
  return undefined;
}
