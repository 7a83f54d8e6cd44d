import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';
import { sse } from './sse.ts';

/**
 * Operations of which AVX has the form with a result of its own; and shifts by an immediate.
 * APM4 chapter 2.
 */
// biome-ignore format: lines of names
const OPERATIONS = new Set(
  `pand por pxor pandn paddb paddw paddd paddq psubb psubw psubd psubq pmullw pmulhw pmuludq pmaddwd
   pcmpeqb pcmpeqw pcmpeqd pcmpeqq pcmpgtb pcmpgtw pcmpgtd pcmpgtq pavgb pavgw paddsb paddsw paddusb
   paddusw psubsb psubsw psubusb psubusw pminub pmaxub pminsw pmaxsw pminsb pmaxsb pminuw pmaxuw pminsd
   pmaxsd pminud pmaxud pmulld pmuldq punpcklbw punpcklwd punpckldq punpcklqdq punpckhbw punpckhwd
   punpckhdq punpckhqdq packsswb packuswb packssdw packusdw psllw pslld psllq psrlw psrld psrlq psraw
   psrad pslldq psrldq pshufb addps addpd subps subpd mulps mulpd divps divpd minps minpd maxps maxpd
   unpcklps unpcklpd shufps`.split(/\s+/),
);

const MAPS = ['', '0F', '0F38', '0F3A'] as const;
const PREFIXES: Readonly<Record<number, string>> = { 0: 'NP', 102: '66', 242: 'F2', 243: 'F3' };

/** The row of an SSE instruction as VEX encodes it: 128 bits, the first operand only written. */
function vex({ mnemonic, operands, encoding }: Instruction): Instruction[] {
  const texts = operands.map(({ text }) => text);
  const hex = encoding.opcode.toString(16).toUpperCase().padStart(2, '0');
  const modrm = encoding.modrm === 'digit' ? `/${encoding.digit}` : '/r';
  const immediate = encoding.immediates.length > 0 ? ' ib' : '';
  const prefix = PREFIXES[encoding.prefix] ?? 'NP';
  return i(
    `v${mnemonic} xmm, ${texts.join(', ')}`,
    `VEX.128.${prefix}.${MAPS[encoding.map]}.WIG ${hex} ${modrm}${immediate}`,
    { feature: 'avx', width: 128, mode: 64 },
  );
}

/**
 * AVX on XMM registers: what the compiler uses where the operating system keeps the YMM registers, whose
 * upper halves it leaves zero. The emulated processor has no AVX, so these are no part of its table.
 * APM4 (26568).
 */
export const avx: readonly Instruction[] = sse
  .filter(({ mnemonic }) => OPERATIONS.has(mnemonic))
  .flatMap(vex);
