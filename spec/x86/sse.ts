import type { Attributes, Instruction } from './instruction.ts';
import { i } from './notation.ts';

const SSE = { feature: 'sse' } as const;
const SSE2 = { feature: 'sse2' } as const;
const SSE3 = { feature: 'sse3' } as const;
const SSSE3 = { feature: 'ssse3' } as const;
const SSE41 = { feature: 'sse4.1' } as const;
const SSE42 = { feature: 'sse4.2' } as const;

/** The packed and scalar forms, single and double, of one floating-point operation. */
// biome-ignore format: a row a line
function float(name: string, opcode: string): Instruction[] {
  return [...packedFloat(name, opcode),
    i(`${name}ss xmm, xmm/m32`, `F3 0F ${opcode} /r`, { ...SSE, width: 32 }),
    i(`${name}sd xmm, xmm/m64`, `F2 0F ${opcode} /r`, { ...SSE2, width: 64 }),
  ].flat();
}

// biome-ignore format: a row a line
function packedFloat(name: string, opcode: string): Instruction[] {
  return [
    i(`${name}ps xmm, xmm/m128`, `NP 0F ${opcode} /r`, SSE),
    i(`${name}pd xmm, xmm/m128`, `66 0F ${opcode} /r`, SSE2),
  ].flat();
}

/** Packed-integer operations of one map, each a name and its opcode byte. */
function integers(map: string, attributes: Attributes, operations: string): Instruction[] {
  return operations
    .trim()
    .split(/\s+/)
    .flatMap((operation) => {
      const [name = '', opcode = ''] = operation.split(':');
      return i(`${name} xmm, xmm/m128`, `66 ${map} ${opcode} /r`, attributes);
    });
}

/** Shifts of every lane: by a register or memory, or by an immediate (`/digit`). */
function shifts(name: string, opcode: string, group: string, digit: number): Instruction[] {
  return [
    ...i(`${name} xmm, xmm/m128`, `66 0F ${opcode} /r`, SSE2),
    ...i(`${name} xmm, imm8`, `66 0F ${group} /${digit} ib`, SSE2),
  ];
}

const COMPARES = { ...SSE, flags: '00M0MM' } as const;

/**
 * SSE to SSE4.2 on XMM registers, AES and carry-less multiplication. MMX forms are left out.
 * `movq xmm, r/m64` and `movq xmm, xmm/m64` are two encodings of one mnemonic. APM1 §4 has
 * the programming model, volume 4 (26568) each instruction.
 */
// biome-ignore format: a row a line
export const sse: readonly Instruction[] = [
  i('movups xmm, xmm/m128',   'NP 0F 10 /r',  SSE),
  i('movups xmm/m128, xmm',   'NP 0F 11 /r',  SSE),
  i('movupd xmm, xmm/m128',   '66 0F 10 /r',  SSE2),
  i('movupd xmm/m128, xmm',   '66 0F 11 /r',  SSE2),
  i('movss xmm, xmm/m32',     'F3 0F 10 /r',  { ...SSE, width: 32 }),
  i('movss xmm/m32, xmm',     'F3 0F 11 /r',  { ...SSE, width: 32 }),
  i('movsd xmm, xmm/m64',     'F2 0F 10 /r',  { ...SSE2, width: 64, effect: 'movsdXmm' }),
  i('movsd xmm/m64, xmm',     'F2 0F 11 /r',  { ...SSE2, width: 64, effect: 'movsdXmm' }),
  i('movaps xmm, xmm/m128',   'NP 0F 28 /r',  SSE),
  i('movaps xmm/m128, xmm',   'NP 0F 29 /r',  SSE),
  i('movapd xmm, xmm/m128',   '66 0F 28 /r',  SSE2),
  i('movapd xmm/m128, xmm',   '66 0F 29 /r',  SSE2),
  i('movdqa xmm, xmm/m128',   '66 0F 6F /r',  SSE2),
  i('movdqa xmm/m128, xmm',   '66 0F 7F /r',  SSE2),
  i('movdqu xmm, xmm/m128',   'F3 0F 6F /r',  SSE2),
  i('movdqu xmm/m128, xmm',   'F3 0F 7F /r',  SSE2),
  i('lddqu xmm, m128',        'F2 0F F0 /r',  SSE3),
  i('movhlps xmm, xmm',       'NP 0F 12 /r',  { ...SSE, width: 64 }),
  i('movlps xmm, m64',        'NP 0F 12 /r',  { ...SSE, width: 64 }),
  i('movlps m64, xmm',        'NP 0F 13 /r',  { ...SSE, width: 64 }),
  i('movlpd xmm, m64',        '66 0F 12 /r',  { ...SSE2, width: 64 }),
  i('movlpd m64, xmm',        '66 0F 13 /r',  { ...SSE2, width: 64 }),
  i('movlhps xmm, xmm',       'NP 0F 16 /r',  { ...SSE, width: 64 }),
  i('movhps xmm, m64',        'NP 0F 16 /r',  { ...SSE, width: 64 }),
  i('movhps m64, xmm',        'NP 0F 17 /r',  { ...SSE, width: 64 }),
  i('movhpd xmm, m64',        '66 0F 16 /r',  { ...SSE2, width: 64 }),
  i('movhpd m64, xmm',        '66 0F 17 /r',  { ...SSE2, width: 64 }),
  i('movsldup xmm, xmm/m128', 'F3 0F 12 /r',  SSE3),
  i('movshdup xmm, xmm/m128', 'F3 0F 16 /r',  SSE3),
  i('movddup xmm, xmm/m64',   'F2 0F 12 /r',  { ...SSE3, width: 64 }),
  i('movd xmm, r/m32',        '66 0F 6E /r',  { ...SSE2, width: 32 }),
  i('movq xmm, r/m64',        '66 REX.W 0F 6E /r', { ...SSE2, width: 64, effect: 'movd' }),
  i('movd r/m32, xmm',        '66 0F 7E /r',  { ...SSE2, width: 32 }),
  i('movq r/m64, xmm',        '66 REX.W 0F 7E /r', { ...SSE2, width: 64, effect: 'movd' }),
  i('movq xmm, xmm/m64',      'F3 0F 7E /r',  { ...SSE2, width: 64 }),
  i('movq xmm/m64, xmm',      '66 0F D6 /r',  { ...SSE2, width: 64 }),
  i('movntps m128, xmm',      'NP 0F 2B /r',  SSE),
  i('movntpd m128, xmm',      '66 0F 2B /r',  SSE2),
  i('movntdq m128, xmm',      '66 0F E7 /r',  SSE2),
  i('movntdqa xmm, m128',     '66 0F 38 2A /r', SSE41),
  i('maskmovdqu xmm, xmm',    '66 0F F7 /r',  SSE2),
  i('movmskps r32, xmm',      'NP 0F 50 /r',  SSE),
  i('movmskpd r32, xmm',      '66 0F 50 /r',  SSE2),
  i('pmovmskb r32, xmm',      '66 0F D7 /r',  SSE2),

  float('sqrt', '51'),
  i('rsqrtps xmm, xmm/m128',  'NP 0F 52 /r',  SSE),
  i('rsqrtss xmm, xmm/m32',   'F3 0F 52 /r',  { ...SSE, width: 32 }),
  i('rcpps xmm, xmm/m128',    'NP 0F 53 /r',  SSE),
  i('rcpss xmm, xmm/m32',     'F3 0F 53 /r',  { ...SSE, width: 32 }),
  packedFloat('and', '54'),
  packedFloat('andn', '55'),
  packedFloat('or', '56'),
  packedFloat('xor', '57'),
  float('add', '58'),
  float('mul', '59'),
  float('sub', '5C'),
  float('min', '5D'),
  float('div', '5E'),
  float('max', '5F'),
  packedFloat('unpckl', '14'),
  packedFloat('unpckh', '15'),
  i('addsubps xmm, xmm/m128', 'F2 0F D0 /r',  SSE3),
  i('addsubpd xmm, xmm/m128', '66 0F D0 /r',  SSE3),
  i('haddps xmm, xmm/m128',   'F2 0F 7C /r',  SSE3),
  i('haddpd xmm, xmm/m128',   '66 0F 7C /r',  SSE3),
  i('hsubps xmm, xmm/m128',   'F2 0F 7D /r',  SSE3),
  i('hsubpd xmm, xmm/m128',   '66 0F 7D /r',  SSE3),
  i('shufps xmm, xmm/m128, imm8', 'NP 0F C6 /r ib', SSE),
  i('shufpd xmm, xmm/m128, imm8', '66 0F C6 /r ib', SSE2),
  i('cmpps xmm, xmm/m128, imm8',  'NP 0F C2 /r ib', SSE),
  i('cmppd xmm, xmm/m128, imm8',  '66 0F C2 /r ib', SSE2),
  i('cmpss xmm, xmm/m32, imm8',   'F3 0F C2 /r ib', { ...SSE, width: 32 }),
  i('cmpsd xmm, xmm/m64, imm8',   'F2 0F C2 /r ib', { ...SSE2, width: 64, effect: 'cmpsdXmm' }),
  i('ucomiss xmm, xmm/m32',   'NP 0F 2E /r',  { ...COMPARES, width: 32 }),
  i('ucomisd xmm, xmm/m64',   '66 0F 2E /r',  { ...COMPARES, ...SSE2, width: 64 }),
  i('comiss xmm, xmm/m32',    'NP 0F 2F /r',  { ...COMPARES, width: 32 }),
  i('comisd xmm, xmm/m64',    '66 0F 2F /r',  { ...COMPARES, ...SSE2, width: 64 }),

  i('cvtsi2ss xmm, r/m32',    'F3 0F 2A /r',       { ...SSE, width: 32 }),
  i('cvtsi2ss xmm, r/m64',    'F3 REX.W 0F 2A /r', { ...SSE, width: 64 }),
  i('cvtsi2sd xmm, r/m32',    'F2 0F 2A /r',       { ...SSE2, width: 32 }),
  i('cvtsi2sd xmm, r/m64',    'F2 REX.W 0F 2A /r', { ...SSE2, width: 64 }),
  i('cvttss2si r32, xmm/m32', 'F3 0F 2C /r',       { ...SSE, width: 32 }),
  i('cvttss2si r64, xmm/m32', 'F3 REX.W 0F 2C /r', { ...SSE, width: 64 }),
  i('cvttsd2si r32, xmm/m64', 'F2 0F 2C /r',       { ...SSE2, width: 32 }),
  i('cvttsd2si r64, xmm/m64', 'F2 REX.W 0F 2C /r', { ...SSE2, width: 64 }),
  i('cvtss2si r32, xmm/m32',  'F3 0F 2D /r',       { ...SSE, width: 32 }),
  i('cvtss2si r64, xmm/m32',  'F3 REX.W 0F 2D /r', { ...SSE, width: 64 }),
  i('cvtsd2si r32, xmm/m64',  'F2 0F 2D /r',       { ...SSE2, width: 32 }),
  i('cvtsd2si r64, xmm/m64',  'F2 REX.W 0F 2D /r', { ...SSE2, width: 64 }),
  i('cvtss2sd xmm, xmm/m32',  'F3 0F 5A /r',  { ...SSE2, width: 64 }),
  i('cvtsd2ss xmm, xmm/m64',  'F2 0F 5A /r',  { ...SSE2, width: 32 }),
  i('cvtps2pd xmm, xmm/m64',  'NP 0F 5A /r',  { ...SSE2, width: 128 }),
  i('cvtpd2ps xmm, xmm/m128', '66 0F 5A /r',  SSE2),
  i('cvtdq2ps xmm, xmm/m128', 'NP 0F 5B /r',  SSE2),
  i('cvtps2dq xmm, xmm/m128', '66 0F 5B /r',  SSE2),
  i('cvttps2dq xmm, xmm/m128', 'F3 0F 5B /r', SSE2),
  i('cvttpd2dq xmm, xmm/m128', '66 0F E6 /r', SSE2),
  i('cvtpd2dq xmm, xmm/m128', 'F2 0F E6 /r',  SSE2),
  i('cvtdq2pd xmm, xmm/m64',  'F3 0F E6 /r',  { ...SSE2, width: 128 }),

  integers('0F', SSE2, `
    punpcklbw:60 punpcklwd:61 punpckldq:62 packsswb:63 pcmpgtb:64 pcmpgtw:65 pcmpgtd:66 packuswb:67
    punpckhbw:68 punpckhwd:69 punpckhdq:6A packssdw:6B punpcklqdq:6C punpckhqdq:6D
    pcmpeqb:74 pcmpeqw:75 pcmpeqd:76 paddq:D4 pmullw:D5 psubusb:D8 psubusw:D9 pminub:DA pand:DB
    paddusb:DC paddusw:DD pmaxub:DE pandn:DF pavgb:E0 pavgw:E3 pmulhuw:E4 pmulhw:E5 psubsb:E8
    psubsw:E9 pminsw:EA por:EB paddsb:EC paddsw:ED pmaxsw:EE pxor:EF pmuludq:F4 pmaddwd:F5 psadbw:F6
    psubb:F8 psubw:F9 psubd:FA psubq:FB paddb:FC paddw:FD paddd:FE`),
  shifts('psrlw', 'D1', '71', 2),
  shifts('psraw', 'E1', '71', 4),
  shifts('psllw', 'F1', '71', 6),
  shifts('psrld', 'D2', '72', 2),
  shifts('psrad', 'E2', '72', 4),
  shifts('pslld', 'F2', '72', 6),
  shifts('psrlq', 'D3', '73', 2),
  shifts('psllq', 'F3', '73', 6),
  i('psrldq xmm, imm8',       '66 0F 73 /3 ib', SSE2),
  i('pslldq xmm, imm8',       '66 0F 73 /7 ib', SSE2),
  i('pshufd xmm, xmm/m128, imm8',  '66 0F 70 /r ib', SSE2),
  i('pshufhw xmm, xmm/m128, imm8', 'F3 0F 70 /r ib', SSE2),
  i('pshuflw xmm, xmm/m128, imm8', 'F2 0F 70 /r ib', SSE2),
  i('pinsrw xmm, r32/m16, imm8',   '66 0F C4 /r ib', { ...SSE2, width: 16 }),
  i('pextrw r32, xmm, imm8',       '66 0F C5 /r ib', { ...SSE2, width: 16 }),

  integers('0F 38', SSSE3, `
    pshufb:00 phaddw:01 phaddd:02 phaddsw:03 pmaddubsw:04 phsubw:05 phsubd:06 phsubsw:07
    psignb:08 psignw:09 psignd:0A pmulhrsw:0B pabsb:1C pabsw:1D pabsd:1E`),
  i('palignr xmm, xmm/m128, imm8', '66 0F 3A 0F /r ib', SSSE3),

  integers('0F 38', SSE41, `
    pmuldq:28 pcmpeqq:29 packusdw:2B pminsb:38 pminsd:39 pminuw:3A pminud:3B pmaxsb:3C pmaxsd:3D
    pmaxuw:3E pmaxud:3F pmulld:40 phminposuw:41`),
  i('pblendvb xmm, xmm/m128, xmm0', '66 0F 38 10 /r', SSE41),
  i('blendvps xmm, xmm/m128, xmm0', '66 0F 38 14 /r', SSE41),
  i('blendvpd xmm, xmm/m128, xmm0', '66 0F 38 15 /r', SSE41),
  i('ptest xmm, xmm/m128',    '66 0F 38 17 /r', { ...SSE41, flags: '00M00M' }),
  i('pmovsxbw xmm, xmm/m64',  '66 0F 38 20 /r', { ...SSE41, width: 128 }),
  i('pmovsxbd xmm, xmm/m32',  '66 0F 38 21 /r', { ...SSE41, width: 128 }),
  i('pmovsxbq xmm, xmm/m16',  '66 0F 38 22 /r', { ...SSE41, width: 128 }),
  i('pmovsxwd xmm, xmm/m64',  '66 0F 38 23 /r', { ...SSE41, width: 128 }),
  i('pmovsxwq xmm, xmm/m32',  '66 0F 38 24 /r', { ...SSE41, width: 128 }),
  i('pmovsxdq xmm, xmm/m64',  '66 0F 38 25 /r', { ...SSE41, width: 128 }),
  i('pmovzxbw xmm, xmm/m64',  '66 0F 38 30 /r', { ...SSE41, width: 128 }),
  i('pmovzxbd xmm, xmm/m32',  '66 0F 38 31 /r', { ...SSE41, width: 128 }),
  i('pmovzxbq xmm, xmm/m16',  '66 0F 38 32 /r', { ...SSE41, width: 128 }),
  i('pmovzxwd xmm, xmm/m64',  '66 0F 38 33 /r', { ...SSE41, width: 128 }),
  i('pmovzxwq xmm, xmm/m32',  '66 0F 38 34 /r', { ...SSE41, width: 128 }),
  i('pmovzxdq xmm, xmm/m64',  '66 0F 38 35 /r', { ...SSE41, width: 128 }),
  i('roundps xmm, xmm/m128, imm8', '66 0F 3A 08 /r ib', SSE41),
  i('roundpd xmm, xmm/m128, imm8', '66 0F 3A 09 /r ib', SSE41),
  i('roundss xmm, xmm/m32, imm8',  '66 0F 3A 0A /r ib', { ...SSE41, width: 32 }),
  i('roundsd xmm, xmm/m64, imm8',  '66 0F 3A 0B /r ib', { ...SSE41, width: 64 }),
  i('blendps xmm, xmm/m128, imm8', '66 0F 3A 0C /r ib', SSE41),
  i('blendpd xmm, xmm/m128, imm8', '66 0F 3A 0D /r ib', SSE41),
  i('pblendw xmm, xmm/m128, imm8', '66 0F 3A 0E /r ib', SSE41),
  i('pextrb r32/m8, xmm, imm8',    '66 0F 3A 14 /r ib', { ...SSE41, width: 8 }),
  i('pextrw r32/m16, xmm, imm8',   '66 0F 3A 15 /r ib', { ...SSE41, width: 16 }),
  i('pextrd r/m32, xmm, imm8',     '66 0F 3A 16 /r ib', { ...SSE41, width: 32 }),
  i('pextrq r/m64, xmm, imm8',     '66 REX.W 0F 3A 16 /r ib', { ...SSE41, width: 64 }),
  i('extractps r/m32, xmm, imm8',  '66 0F 3A 17 /r ib', { ...SSE41, width: 32 }),
  i('pinsrb xmm, r32/m8, imm8',    '66 0F 3A 20 /r ib', { ...SSE41, width: 8 }),
  i('insertps xmm, xmm/m32, imm8', '66 0F 3A 21 /r ib', { ...SSE41, width: 32 }),
  i('pinsrd xmm, r/m32, imm8',     '66 0F 3A 22 /r ib', { ...SSE41, width: 32 }),
  i('pinsrq xmm, r/m64, imm8',     '66 REX.W 0F 3A 22 /r ib', { ...SSE41, width: 64 }),
  i('dpps xmm, xmm/m128, imm8',    '66 0F 3A 40 /r ib', SSE41),
  i('dppd xmm, xmm/m128, imm8',    '66 0F 3A 41 /r ib', SSE41),
  i('mpsadbw xmm, xmm/m128, imm8', '66 0F 3A 42 /r ib', SSE41),

  i('pcmpgtq xmm, xmm/m128',  '66 0F 38 37 /r', SSE42),
  i('pcmpestrm xmm, xmm/m128, imm8', '66 0F 3A 60 /r ib', { ...SSE42, flags: 'MMM00M' }),
  i('pcmpestri xmm, xmm/m128, imm8', '66 0F 3A 61 /r ib', { ...SSE42, flags: 'MMM00M' }),
  i('pcmpistrm xmm, xmm/m128, imm8', '66 0F 3A 62 /r ib', { ...SSE42, flags: 'MMM00M' }),
  i('pcmpistri xmm, xmm/m128, imm8', '66 0F 3A 63 /r ib', { ...SSE42, flags: 'MMM00M' }),

  integers('0F 38', { feature: 'aes' }, 'aesimc:DB aesenc:DC aesenclast:DD aesdec:DE aesdeclast:DF'),
  i('aeskeygenassist xmm, xmm/m128, imm8', '66 0F 3A DF /r ib', { feature: 'aes' }),
  i('pclmulqdq xmm, xmm/m128, imm8', '66 0F 3A 44 /r ib', { feature: 'pclmulqdq' }),
].flat();
