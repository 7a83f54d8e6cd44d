import type { Instruction } from './instruction.ts';
import { i } from './notation.ts';
import { sse } from './sse.ts';

/** What AVX has no form of. */
// biome-ignore format: a line
const LEGACY_ONLY = new Set(['pblendvb', 'blendvps', 'blendvpd']);

/**
 * What has as many operands with AVX as with SSE: moves, and functions of one vector. The others have a
 * result of their own, before the operands.
 */
// biome-ignore format: lines of names
const SAME_OPERANDS = new Set(
  `movups movupd movaps movapd movdqa movdqu lddqu movd movq movntps movntpd movntdq movntdqa maskmovdqu
   movsldup movshdup movddup movmskps movmskpd pmovmskb sqrtps sqrtpd rsqrtps rcpps ucomiss ucomisd comiss
   comisd cvttss2si cvttsd2si cvtss2si cvtsd2si cvtps2pd cvtpd2ps cvtdq2ps cvtps2dq cvttps2dq cvttpd2dq
   cvtpd2dq cvtdq2pd pshufd pshufhw pshuflw pextrb pextrw pextrd pextrq extractps pabsb pabsw pabsd
   phminposuw ptest pmovsxbw pmovsxbd pmovsxbq pmovsxwd pmovsxwq pmovsxdq pmovzxbw pmovzxbd pmovzxbq pmovzxwd
   pmovzxwq pmovzxdq roundps roundpd pcmpestrm pcmpestri pcmpistrm pcmpistri aesimc aeskeygenassist`.split(/\s+/),
);

/** Where VEX.W is ignored though there is a general register. */
const ANY_W = new Set(['movmskps', 'movmskpd', 'pmovmskb', 'extractps']);

const MAPS = ['', '0F', '0F38', '0F3A'] as const;
const PREFIXES: Readonly<Record<number, string>> = { 0: 'NP', 102: '66', 242: 'F2', 243: 'F3' };

/** The rows of an SSE instruction as VEX encodes it: 128 bits, nothing kept of the first operand. */
function vex(row: Instruction): Instruction[] {
  const { mnemonic, operands, encoding, effect, flags } = row;
  const opcode = encoding.opcode.toString(16).toUpperCase().padStart(2, '0');
  const modrm = encoding.modrm === 'digit' ? `/${encoding.digit}` : '/r';
  const immediate = encoding.immediates.length > 0 ? ' ib' : '';
  const isSized = operands.some(({ file }) => file === 'gpr') && !ANY_W.has(mnemonic);
  const w = isSized ? (encoding.rexW ? 'W1' : 'W0') : 'WIG';
  const prefix = PREFIXES[encoding.prefix];
  const bits = `VEX.128.${prefix}.${MAPS[encoding.map]}.${w} ${opcode} ${modrm}${immediate}`;
  const attributes = {
    feature: 'avx',
    width: effect.width,
    effect: effect.name,
    mode: 64,
  } as const;
  const withOperands = (texts: string) =>
    i(`v${mnemonic} ${texts}`, bits, attributes).map((made) => ({ ...made, flags }));
  const texts = operands.map(({ text }) => text).join(', ');
  const writesMemory = operands[0]?.kind !== 'register';
  if (mnemonic === 'movss' || mnemonic === 'movsd') {
    // From memory they clear the rest of the vector; between registers they take it from one more operand.
    const between = writesMemory ? [] : withOperands('xmm, xmm, xmm');
    return [...withOperands(texts.replace('xmm/', '')), ...between];
  }
  const isSame = writesMemory || SAME_OPERANDS.has(mnemonic);
  return withOperands(isSame ? texts : `xmm, ${texts}`);
}

/** One lane in all places. */
// biome-ignore format: a row a line
const broadcasts: readonly Instruction[] = [
  i('vbroadcastss xmm, xmm/m32', 'VEX.128.66.0F38.W0 18 /r', { feature: 'avx2', width: 32, mode: 64 }),
  i('vpbroadcastd xmm, xmm/m32', 'VEX.128.66.0F38.W0 58 /r', { feature: 'avx2', width: 32, mode: 64 }),
  i('vpbroadcastq xmm, xmm/m64', 'VEX.128.66.0F38.W0 59 /r', { feature: 'avx2', width: 64, mode: 64 }),
  i('vpbroadcastb xmm, xmm/m8',  'VEX.128.66.0F38.W0 78 /r', { feature: 'avx2', width: 8, mode: 64 }),
  i('vpbroadcastw xmm, xmm/m16', 'VEX.128.66.0F38.W0 79 /r', { feature: 'avx2', width: 16, mode: 64 }),
].flat();

/**
 * AVX and AVX2 on XMM registers, in 64-bit mode: what code has for x86-64-v3. The upper halves of YMM
 * registers are left zero. 256-bit forms are left out. APM4 (26568).
 */
export const avx: readonly Instruction[] = [
  ...sse.filter(({ mnemonic }) => !LEGACY_ONLY.has(mnemonic)).flatMap(vex),
  ...broadcasts,
];
