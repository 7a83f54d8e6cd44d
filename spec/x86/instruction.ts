/**
 * The form of the instruction table: what a row says, and how its text is read.
 *
 * A row is one encoding in the manual's notation, `i('add r/m64, r64', 'REX.W 01 /r', …)`. The
 * assembler, the printer and the emulator's decoder are all made from the rows, so they cannot
 * disagree about an encoding. (APM3 §1.2, §2.5 explain the notation; ours adds `o16 o32 o64`,
 * `simm` and the letters `v y z` for operand sizes, see notation.ts.)
 */

/** Bits of RFLAGS that instructions write, leave undefined or test. APM1 §3.1.4, APM2 §3.1.6. */
export const FLAG = {
  CF: 1 << 0,
  PF: 1 << 2,
  AF: 1 << 4,
  ZF: 1 << 6,
  SF: 1 << 7,
  TF: 1 << 8,
  IF: 1 << 9,
  DF: 1 << 10,
  OF: 1 << 11,
  IOPL: 3 << 12,
  NT: 1 << 14,
  RF: 1 << 16,
  VM: 1 << 17,
  AC: 1 << 18,
  VIF: 1 << 19,
  VIP: 1 << 20,
  ID: 1 << 21,
} as const;

/** Masks over RFLAGS ({@link FLAG}). */
export interface Flags {
  /** Given a defined value: by the result, or a constant. */
  readonly written: number;
  /** Left undefined, in every case or for some operands: to be masked when two CPUs are compared. */
  readonly undefined: number;
  /** Tested, or taken into the result. */
  readonly read: number;
}

export type RegisterFile = 'gpr' | 'xmm' | 'segment' | 'control' | 'debug';

// biome-ignore format: one kind per line
export type OperandKind =
  | 'register'   // a register only: ModRM.mod = 3 where it is in ModRM.rm
  | 'memory'     // memory only: ModRM.mod < 3
  | 'rm'         // a register or memory
  | 'immediate'
  | 'relative'   // a displacement from the next instruction
  | 'offset'     // moffs: an address without ModRM, as wide as addresses are
  | 'far'        // ptr16:16 or ptr16:32, offset first
  | 'fixed'      // a register that the opcode implies: al, dx, cl, es, …
  | 'one'; // the constant 1

/** Where in the encoding the operand stands. */
export type Place = 'reg' | 'rm' | 'opcode' | 'vvvv' | 'immediate' | 'none';

export interface Operand {
  /** As the row's text has it: `r/m64`, `simm8`, `cl`. */
  readonly text: string;
  readonly kind: OperandKind;
  readonly place: Place;
  /** For registers. */
  readonly file: RegisterFile | undefined;
  /** Bits of the register, of the immediate, or of the memory operand if it is memory only. */
  readonly width: number;
  /** Bits accessed when it is memory; 0 where only the address counts (lea, invlpg) or none can be. */
  readonly memory: number;
  /** Number of the register that the opcode implies. */
  readonly fixed: number | undefined;
  /** The immediate is sign-extended to the operand size. */
  readonly signed: boolean;
}

export interface Vex {
  /** 0 for L = 0 and LZ; 1 for L = 1. */
  readonly l: 0 | 1;
  /** VEX.W; undefined where it is ignored. */
  readonly w: 0 | 1 | undefined;
  /** Implied prefix: 0 none, 1 for 66, 2 for F3, 3 for F2. */
  readonly pp: 0 | 1 | 2 | 3;
}

export interface Encoding {
  /**
   * Operand size the row is for: 16 (in 32- and 64-bit modes: with prefix 66), 32 (without), 64 (with
   * REX.W, or without it if `default64`); 0 where the size makes no difference.
   */
  readonly operandSize: 0 | 16 | 32 | 64;
  /** 64-bit mode makes the operand 64 bits wide without REX.W (push, pop, near branches). */
  readonly default64: boolean;
  /** REX.W = 1 is part of the encoding. */
  readonly rexW: boolean;
  /** Prefix that is part of the opcode; 0 for none. A row with `prefix` goes before one without. */
  readonly prefix: 0 | 0x66 | 0xf2 | 0xf3;
  /** The row holds only without any of 66, F2, F3 (`NP` in the manual). */
  readonly noPrefix: boolean;
  /** Address-size prefix that is part of the row (jcxz against jecxz); 0 where any will do. */
  readonly addressSize: 0 | 16 | 32 | 64;
  readonly vex: Vex | undefined;
  /** 0 one-byte opcodes, 1 after 0F, 2 after 0F 38, 3 after 0F 3A. */
  readonly map: 0 | 1 | 2 | 3;
  /** Opcode byte; with `+r` the first of eight. */
  readonly opcode: number;
  /** A register number is in the opcode's low three bits. */
  readonly plusRegister: boolean;
  /** ModRM: absent, with a register in `reg` (/r), with a digit in `reg` (/0…/7), or one fixed byte. */
  readonly modrm: 'none' | 'register' | 'digit' | 'byte';
  /** The digit in ModRM.reg, or the fixed ModRM byte; 0 else. */
  readonly digit: number;
  /** Bytes of each immediate or displacement, in order; -1: as wide as an address (moffs). */
  readonly immediates: readonly number[];
}

export interface Effect {
  /** What the instruction does, named after the mnemonic without its condition: `add`, `jcc`, `movs`. */
  readonly name: string;
  /** Operand width in bits that the semantics work at. */
  readonly width: number;
  /** Condition code 0…15 (o no b ae e ne be a s ns p np l ge le g) of jcc, setcc, cmovcc; else -1. */
  readonly condition: number;
}

export interface Instruction {
  /**
   * The row's text, `add r/m64, r64`; of an alias, with its encoding in brackets. Unique in each mode:
   * what differs between the modes in width alone (`push simm8`) is a row in each.
   */
  readonly id: string;
  readonly mnemonic: string;
  readonly operands: readonly Operand[];
  readonly encoding: Encoding;
  /** Modes in which the encoding exists. */
  readonly modes: { readonly protected32: boolean; readonly long64: boolean };
  /** LOCK is allowed when the destination is memory. APM3 §1.2.5. */
  readonly lockable: boolean;
  /** REP (`rep`) or REPE/REPNE (`repe`) prefixes have their meaning here. APM3 §1.2.6. */
  readonly repeat: 'none' | 'rep' | 'repe';
  /** #GP at CPL > 0. */
  readonly cpl0: boolean;
  /** The host's: executed by the hypervisor, never by a guest (vmrun, rmpupdate, psmash). */
  readonly host: boolean;
  /** CPUID feature that brings it, '' for the baseline of every x86-64. */
  readonly feature: string;
  /**
   * SVM exit code of its intercept, which under SEV-ES and SNP raises #VC (APM2 §15.35.5, app. C);
   * undefined for none. For mov to and from CR, DR: the code of register 0, to which its number is added.
   */
  readonly intercept: number | undefined;
  readonly flags: Flags;
  readonly effect: Effect;
  /** A second encoding of something that has a usual one; decoders need it, assemblers do not choose it. */
  readonly alias: boolean;
}

/** What a row says beside its text and encoding. All have the common case as their default. */
export interface Attributes {
  /** The six arithmetic flags O S Z A P C: - untouched, M by the result, 0, 1, U undefined. */
  readonly flags?: string;
  /** Flags tested, by letter out of `oszapcd`; or names as in {@link FLAG} for the others. */
  readonly reads?: string;
  /** Further flags written, by name, separated by spaces: `DF`, `IF`. */
  readonly writes?: string;
  /** `32`: protected mode only; `64`: 64-bit mode only. */
  readonly mode?: 32 | 64;
  readonly lock?: true;
  readonly repeat?: 'rep' | 'repe';
  readonly cpl0?: true;
  readonly host?: true;
  readonly feature?: string;
  readonly intercept?: number;
  /** Name of the effect, where it is not the mnemonic. */
  readonly effect?: string;
  /** Width of the effect, where the operand size does not tell. */
  readonly width?: number;
  readonly alias?: true;
}
