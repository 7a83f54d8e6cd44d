/** AES's rounds and the multiplication of polynomials over GF(2). APM4 §1; FIPS 197 §5. */

import {
  decryptRound,
  encryptRound,
  lastDecryptRound,
  lastEncryptRound,
  substitute,
  unmix,
} from './aes';
import * as Effect from './effects';
import { IMMEDIATE } from './record';
import { destination, source } from './sse-operand';

/** Carries out an effect of this file. False if `effect` is none of them. */
export function sseCipher(p: usize, effect: u32): bool {
  switch (effect) {
    case Effect.AESENC:
    case Effect.AESENCLAST:
    case Effect.AESDEC:
    case Effect.AESDECLAST:
    case Effect.AESIMC:
    case Effect.AESKEYGENASSIST:
    case Effect.PCLMULQDQ:
      break;
    default:
      return false;
  }
  const from = source(p, 16, true);
  if (from === 0) return true;
  const to = destination(p);
  const immediate = <u32>load<u64>(p, IMMEDIATE);
  if (effect === Effect.PCLMULQDQ) {
    const a = load<u64>(to + ((immediate & 1) << 3));
    multiply(a, load<u64>(from + ((immediate >> 1) & 8)), to);
  } else if (effect === Effect.AESKEYGENASSIST) {
    assist(load<u32>(from, 4), load<u32>(from, 12), immediate & 0xff, to);
  } else if (effect === Effect.AESIMC) {
    for (let i: usize = 0; i < 16; i += 4) store<u32>(to + i, unmix(load<u32>(from + i)));
  } else if (effect === Effect.AESENC) encryptRound(to, from);
  else if (effect === Effect.AESENCLAST) lastEncryptRound(to, from);
  else if (effect === Effect.AESDEC) decryptRound(to, from);
  else lastDecryptRound(to, from);
  return true;
}

/** Two words of a key schedule: what SubWord, and RotWord with the round's constant, make of them. */
function assist(b: u32, d: u32, constant: u32, to: usize): void {
  const substitutedB = substitute(b);
  const substitutedD = substitute(d);
  store<u32>(to, substitutedB);
  store<u32>(to, rotr<u32>(substitutedB, 8) ^ constant, 4);
  store<u32>(to, substitutedD, 8);
  store<u32>(to, rotr<u32>(substitutedD, 8) ^ constant, 12);
}

function multiply(a: u64, b: u64, to: usize): void {
  let low: u64 = 0;
  let high: u64 = 0;
  for (let i: u64 = 0; i < 64; i++) {
    if (((b >> i) & 1) === 0) continue;
    low ^= a << i;
    // Shifts take the count modulo 64, so that one of 64 is made of two.
    high ^= (a >> 1) >> (63 - i);
  }
  store<u64>(to, low);
  store<u64>(to, high, 8);
}
