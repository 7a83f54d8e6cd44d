import { type Form, form } from './encode.ts';

/** The rows of one two-operand integer operation at one width. */
export interface AluForms {
  /** op r, r/m */
  readonly rm: Form;
  /** op r/m, r */
  readonly mr: Form;
  /** op r/m, imm: sign-extended from 8 bits, and of 32 bits (sign-extended for 64). */
  readonly short: Form;
  readonly long: Form;
}

export type Width = 32 | 64;

function alu(name: string, width: Width): AluForms {
  const long = width === 64 ? 'simm32' : 'imm32';
  return {
    rm: form(`${name} r${width}, r/m${width}`),
    mr: form(`${name} r/m${width}, r${width}`),
    short: form(`${name} r/m${width}, simm8`),
    long: form(`${name} r/m${width}, ${long}`),
  };
}

function both<T>(make: (width: Width) => T): { readonly 32: T; readonly 64: T } {
  return { 32: make(32), 64: make(64) };
}

export const ADD = both((w) => alu('add', w));
export const SUB = both((w) => alu('sub', w));
export const AND = both((w) => alu('and', w));
export const OR = both((w) => alu('or', w));
export const XOR = both((w) => alu('xor', w));
export const ADC = both((w) => alu('adc', w));
export const SBB = both((w) => alu('sbb', w));
export const CMP = both((w) => alu('cmp', w));
/** `test` has no form with a short immediate, and is symmetric. */
export const TEST = both((w): AluForms => {
  const long = form(`test r/m${w}, ${w === 64 ? 'simm32' : 'imm32'}`);
  const mr = form(`test r/m${w}, r${w}`);
  return { rm: mr, mr, short: long, long };
});

/** The same of a byte, whose immediate is one too. */
export const CMP_BYTE: AluForms = byte('cmp', 'cmp r8, r/m8');
export const TEST_BYTE: AluForms = byte('test', 'test r/m8, r8');

function byte(name: string, rm: string): AluForms {
  const short = form(`${name} r/m8, imm8`);
  return { rm: form(rm), mr: form(`${name} r/m8, r8`), short, long: short };
}

export const MOV = both((w) => form(`mov r${w}, r/m${w}`));
export const MOV_STORE = both((w) => form(`mov r/m${w}, r${w}`));
export const MOV_IMM32 = form('mov r32, imm32');
export const MOV_IMM64 = form('mov r64, imm64');
export const MOV_SIGNED = form('mov r/m64, simm32');
export const STORE_IMM = both((w) => form(`mov r/m${w}, ${w === 64 ? 'simm32' : 'imm32'}`));
export const LEA = both((w) => form(`lea r${w}, m`));
export const IMUL = both((w) => form(`imul r${w}, r/m${w}`));
export const IMUL_IMM = both((w) => form(`imul r${w}, r/m${w}, ${w === 64 ? 'simm32' : 'imm32'}`));
export const IMUL_SHORT = both((w) => form(`imul r${w}, r/m${w}, simm8`));
export const NEG = both((w) => form(`neg r/m${w}`));
export const NOT = both((w) => form(`not r/m${w}`));

export const MOVZX8 = form('movzx r32, r/m8');
export const MOVZX16 = form('movzx r32, r/m16');
export const MOVSX8 = both((w) => form(`movsx r${w}, r/m8`));
export const MOVSX16 = both((w) => form(`movsx r${w}, r/m16`));
export const MOVSXD = form('movsxd r64, r/m32');

/** A shift or rotation by an immediate and by CL. */
export interface ShiftForms {
  readonly imm: Form;
  readonly one: Form;
  readonly cl: Form;
}

function shift(name: string, w: Width): ShiftForms {
  return {
    imm: form(`${name} r/m${w}, imm8`),
    one: form(`${name} r/m${w}, 1`),
    cl: form(`${name} r/m${w}, cl`),
  };
}

export const SHL = both((w) => shift('shl', w));
export const SHR = both((w) => shift('shr', w));
export const SAR = both((w) => shift('sar', w));
export const ROL = both((w) => shift('rol', w));
export const ROR = both((w) => shift('ror', w));

/** Condition codes as encoded. */
// biome-ignore format: a row
export const Cc = {
  O: 0, NO: 1, B: 2, AE: 3, E: 4, NE: 5, BE: 6, A: 7, S: 8, NS: 9, P: 10, NP: 11, L: 12, GE: 13, LE: 14, G: 15,
} as const;

// biome-ignore format: a row
const CC_NAMES = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

/** By condition code. */
export const SETCC: readonly Form[] = CC_NAMES.map((name) => form(`set${name} r/m8`));
export const CMOV = both((w) => CC_NAMES.map((name) => form(`cmov${name} r${w}, r/m${w}`)));

export const MOVAPS = form('movaps xmm, xmm/m128');
export const MOVSS_LOAD = form('movss xmm, xmm/m32');
export const MOVSD_LOAD = form('movsd xmm, xmm/m64');
export const MOVSS_STORE = form('movss xmm/m32, xmm');
export const MOVSD_STORE = form('movsd xmm/m64, xmm');
export const MOVUPS_LOAD = form('movups xmm, xmm/m128');
export const MOVUPS_STORE = form('movups xmm/m128, xmm');
export const XORPS = form('xorps xmm, xmm/m128');
export const UD2 = form('ud2');
export const RET = form('ret');
export const RET_POP = form('ret imm16');
export const PUSH = form('push r64');
export const POP = form('pop r64');
export const CALL_RM = form('call r/m64');
export const JMP_RM = form('jmp r/m64');

export { type Form, form };
