/**
 * The instructions whose #VC this kernel knows, from their bytes: what each is, how long, and the
 * one exit code that its #VC can have. APM3 §4, APM2 appendix C.
 */

import { VC_AT_WRONG_SITE } from '../../spec/abi/termination.ts';
import * as Exit from '../../spec/exit.ts';
import { load8 } from '../cpu.ts';
import { die } from '../exit.ts';

/** Opcodes as numbers: escape bytes first. Ports and strings keep their low bits, see vc-ioio.ts. */
export const IN_OUT: u32 = 0xe4;
export const INS_OUTS: u32 = 0x6c;
export const INVD: u32 = 0x0f08;
export const WBINVD: u32 = 0x0f09;
export const FROM_DR7: u32 = 0x0f21;
export const TO_DR7: u32 = 0x0f23;
export const WRMSR: u32 = 0x0f30;
export const RDTSC: u32 = 0x0f31;
export const RDMSR: u32 = 0x0f32;
export const RDPMC: u32 = 0x0f33;
export const CPUID: u32 = 0x0fa2;
export const MONITOR: u32 = 0x0f_01c8;
export const MWAIT: u32 = 0x0f_01c9;
export const VMMCALL: u32 = 0x0f_01d9;
export const RDTSCP: u32 = 0x0f_01f9;

const OPERAND_SIZE: u32 = 0x66;
const REPEAT: u32 = 0xf3;
const ESCAPE: u32 = 0x0f;
const GROUP: u32 = 0x01;
/** Bits of IN and OUT's opcodes that vary: width, direction, port in DX. */
const IN_OUT_MASK: u32 = 0xf4;
/** Bits of INS and OUTS' opcodes that vary: width, direction. */
const INS_OUTS_MASK: u32 = 0xfc;
/** A register operand, and DR7 in the field that numbers the debug register. */
const MODRM_DR7: u32 = 0xf8;

/** What was decoded last. */
let bytes: u32 = 0;
let lastByte: u32 = 0;
let wide: bool = true;
let repeated: bool = false;

/** Which of the instructions above is at `rip`. Any other ends the guest, in silence. */
export function decode(rip: u64): u32 {
  bytes = 0;
  wide = true;
  repeated = false;
  let byte = next(rip);
  while (byte === OPERAND_SIZE || byte === REPEAT) {
    if (byte === REPEAT) repeated = true;
    else wide = false;
    if (bytes > 2) die(VC_AT_WRONG_SITE);
    byte = next(rip);
  }
  if ((byte & INS_OUTS_MASK) === INS_OUTS) return INS_OUTS;
  // On IN and OUT a REP has no meaning, and on the others a prefix makes another instruction.
  if (repeated) die(VC_AT_WRONG_SITE);
  if ((byte & IN_OUT_MASK) === IN_OUT) return IN_OUT;
  if (!wide || byte !== ESCAPE) die(VC_AT_WRONG_SITE);
  byte = next(rip);
  if (byte === GROUP) return known((ESCAPE << 16) | (GROUP << 8) | next(rip));
  const opcode = known((ESCAPE << 8) | byte);
  if ((opcode === FROM_DR7 || opcode === TO_DR7) && (next(rip) & MODRM_DR7) !== MODRM_DR7) {
    die(VC_AT_WRONG_SITE);
  }
  return opcode;
}

/** The exit code of the #VC that `instruction` raises. */
export function exitCodeOf(instruction: u32): u32 {
  switch (instruction) {
    case IN_OUT:
    case INS_OUTS:
      return Exit.IOIO;
    case RDMSR:
    case WRMSR:
      return Exit.MSR;
    case CPUID:
      return Exit.CPUID;
    case RDTSC:
      return Exit.RDTSC;
    case RDTSCP:
      return Exit.RDTSCP;
    case RDPMC:
      return Exit.RDPMC;
    case INVD:
      return Exit.INVD;
    case WBINVD:
      return Exit.WBINVD;
    case FROM_DR7:
      return Exit.DR7_READ;
    case TO_DR7:
      return Exit.DR7_WRITE;
    case MONITOR:
      return Exit.MONITOR;
    case MWAIT:
      return Exit.MWAIT;
    default:
      return Exit.VMMCALL;
  }
}

/** The opcode's last byte, or that of its operand where it has a ModRM. */
export function decodedByte(): u32 {
  return lastByte;
}

/** Bytes from its first prefix to its opcode or ModRM. */
export function decodedBytes(): u64 {
  return u64(bytes);
}

/** False if an operand-size prefix makes 16 bits of 32. */
export function isWide(): bool {
  return wide;
}

export function isRepeated(): bool {
  return repeated;
}

function known(opcode: u32): u32 {
  switch (opcode) {
    case INVD:
    case WBINVD:
    case FROM_DR7:
    case TO_DR7:
    case WRMSR:
    case RDTSC:
    case RDMSR:
    case RDPMC:
    case CPUID:
    case MONITOR:
    case MWAIT:
    case VMMCALL:
    case RDTSCP:
      return opcode;
    default:
      die(VC_AT_WRONG_SITE);
      return 0;
  }
}

function next(rip: u64): u32 {
  lastByte = load8(rip + u64(bytes));
  bytes++;
  return lastByte;
}
