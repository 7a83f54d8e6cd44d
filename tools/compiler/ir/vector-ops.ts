import { isLoad } from '../wasm/opcodes.ts';
import { vectorOp } from '../wasm/simd.ts';

/**
 * Operations on vectors that are one instruction of the processor each: what lowering makes of Wasm's.
 * They are pure; an immediate is in the value's `imm`.
 */
export type VectorShape =
  /** result = a op b, b last read when the result is written */
  | 'binary'
  | 'commutative'
  | 'binary-immediate'
  | 'unary'
  | 'unary-immediate'
  | 'shift-immediate'
  /** From a vector to a general register, and back. */
  | 'to-integer'
  | 'to-integer-immediate'
  | 'from-integer'
  /** A vector's first lane as a number, where it is. */
  | 'first';

export interface VectorOperation {
  readonly op: number;
  /** The mnemonic; with `#` a shift by an immediate. */
  readonly name: string;
  readonly shape: VectorShape;
}

const FIRST = 0x2000;
const LAST = 0x2fff;

// biome-ignore format: a shape a paragraph
const NAMES: Readonly<Record<VectorShape, string>> = {
  commutative: `pand por pxor paddb paddw paddd paddq pmullw pmulhw pmuludq pmaddwd pmulhrsw andps orps xorps pcmpeqb pcmpeqw
    pcmpeqd pcmpeqq pavgb pavgw paddsb paddsw paddusb paddusw pminub pmaxub pminsw pmaxsw pminsb pmaxsb
    pminuw pmaxuw pminsd pmaxsd pminud pmaxud pmulld pmuldq addps mulps addpd mulpd`,
  binary: `pandn psubb psubw psubd psubq psubsb psubsw psubusb psubusw pcmpgtb pcmpgtw pcmpgtd pcmpgtq
    punpcklbw punpcklwd punpckldq punpcklqdq punpckhbw punpckhwd punpckhdq punpckhqdq
    packsswb packuswb packssdw packusdw psllw pslld psllq psrlw psrld psrlq psraw psrad pshufb
    subps divps minps maxps subpd divpd minpd maxpd unpcklps unpcklpd unpckhpd pmaddubsw
    andnps movss movsd`,
  'binary-immediate': 'cmpps cmppd shufps palignr pblendw insertps pinsrb pinsrw pinsrd pinsrq',
  unary: `sqrtps sqrtpd cvtdq2ps cvttps2dq cvtpd2ps cvtps2pd cvtdq2pd cvttpd2dq pabsb pabsw pabsd
    pmovsxbw pmovsxwd pmovsxdq pmovzxbw pmovzxwd pmovzxdq movddup vbroadcastss vpbroadcastb
    vpbroadcastw vpbroadcastd vpbroadcastq`,
  'unary-immediate': 'pshufd pshuflw pshufhw roundps roundpd',
  'shift-immediate': 'psllw# pslld# psllq# psrlw# psrld# psrlq# psraw# psrad# pslldq# psrldq#',
  'to-integer': 'pmovmskb movmskps movmskpd movd> movq>',
  'to-integer-immediate': 'pextrb pextrw',
  'from-integer': 'movd movq',
  first: 'movaps',
};

export const VECTOR_OPERATIONS: readonly VectorOperation[] = Object.entries(NAMES)
  .flatMap(([shape, names]) => names.split(/\s+/).map((name) => ({ name, shape })))
  .map(({ name, shape }, i) => ({ op: FIRST + i, name, shape: shape as VectorShape }));

const BY_NAME = new Map(VECTOR_OPERATIONS.map(({ name, op }) => [name, op]));

/** The number of one of {@link VECTOR_OPERATIONS} by its name. */
export function machineVectorOp(name: string): number {
  const op = BY_NAME.get(name);
  if (op === undefined) throw new TypeError(`no vector operation ${name}`);
  return op;
}

export function isMachineVectorOp(op: number): boolean {
  return op >= FIRST && op <= LAST;
}

/** The name of one of {@link VECTOR_OPERATIONS}. */
export function machineVectorName(op: number): string | undefined {
  return VECTOR_OPERATIONS[op - FIRST]?.name;
}

export const V128_CONST = vectorOp('v128.const');
export const V128_LOAD = vectorOp('v128.load');
export const V128_STORE = vectorOp('v128.store');
export const V128_LOAD32_ZERO = vectorOp('v128.load32_zero');
export const V128_LOAD64_ZERO = vectorOp('v128.load64_zero');

/** Loads into all lanes and stores of one lane, with the lanes' widths in bits. */
const byWidth = (name: (width: number) => string): ReadonlyMap<number, number> =>
  new Map([8, 16, 32, 64].map((width) => [vectorOp(name(width)), width]));
export const V128_LOAD_SPLATS = byWidth((width) => `v128.load${width}_splat`);
export const V128_STORE_LANES = byWidth((width) => `v128.store${width}_lane`);

const VECTOR_LOADS: ReadonlySet<number> = new Set([
  V128_LOAD,
  V128_LOAD32_ZERO,
  V128_LOAD64_ZERO,
  ...V128_LOAD_SPLATS.keys(),
]);

/** Whether an operation does nothing but read memory (and trap), once vectors are lowered. */
export function onlyLoads(op: number): boolean {
  return isLoad(op) || VECTOR_LOADS.has(op);
}
