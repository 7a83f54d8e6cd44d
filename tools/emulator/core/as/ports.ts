/** Port I/O: it always leaves the guest, as #VC or as an exit. APM2 §15.10. */
import * as Exit from '../../../../spec/exit';
import { PLACE_IMMEDIATE, ROW_OPERANDS } from '../row-format';
import { systemRead } from './access';
import * as Cpu from './cpu';
import * as Effect from './effects';
import { interceptNow, raiseGp } from './fault';
import { failed } from './operand';
import {
  FORM,
  FORM_ADDRESS16,
  FORM_ADDRESS32,
  FORM_IMMEDIATE1,
  IMMEDIATE,
  nextOf,
  PREFIX_REP,
  PREFIX_REPNE,
  PREFIX_SEGMENT_SHIFT,
  PREFIXES,
  rowOf,
} from './record';
import { beyondIopl } from './stack';

/** EXITINFO1 of IOIO. APM2 §15.10.2. */
const IN: u64 = 1;
const STRING: u64 = 4;
const REPEAT: u64 = 8;

/** Carries out an effect of this file. False if `effect` is none of them. */
export function ports(p: usize, effect: u32, n: u32): bool {
  const string = effect === Effect.INS || effect === Effect.OUTS;
  if (!string && effect !== Effect.IN && effect !== Effect.OUT) return false;
  const input = effect === Effect.IN || effect === Effect.INS;
  const port = portOf(p, input, string);
  if (beyondIopl() && !permitted(port, n)) {
    if (!failed()) raiseGp(0);
    return true;
  }
  let info: u64 = ((<u64>port) << 16) | ((<u64>n) << 4) | (input ? IN : 0);
  const form: u32 = load<u8>(p, FORM);
  info |= (form & FORM_ADDRESS16) !== 0 ? 0x80 : (form & FORM_ADDRESS32) !== 0 ? 0x100 : 0x200;
  if (string) {
    const prefixes: u32 = load<u8>(p, PREFIXES);
    info |= STRING;
    if ((prefixes & (PREFIX_REP | PREFIX_REPNE)) !== 0) info |= REPEAT;
    const overriding = (prefixes >> PREFIX_SEGMENT_SHIFT) & 7;
    info |= (<u64>(input ? 0 : overriding !== 0 ? overriding - 1 : 3)) << 10;
  }
  interceptNow(Exit.IOIO, info, nextOf(p), nextOf(p));
  return true;
}

function portOf(p: usize, input: bool, string: bool): u32 {
  const dx: u32 = load<u16>(Cpu.RDX);
  if (string) return dx;
  const row = rowOf(p);
  const place = <u32>load<u8>(row + (input ? 1 : 0), ROW_OPERANDS) & 15;
  const immediate = place === PLACE_IMMEDIATE || (load<u8>(p, FORM) & FORM_IMMEDIATE1) !== 0;
  return immediate ? <u32>load<u64>(p, IMMEDIATE) & 0xff : dx;
}

/** The I/O permission bitmap of the TSS. APM2 §12.2.4. */
function permitted(port: u32, n: u32): bool {
  const limit = load<u32>(Cpu.TR_LIMIT);
  if (limit < 0x67) return false;
  const base = load<u64>(Cpu.TR_BASE);
  const map = <u32>systemRead(base + 0x66, 2);
  if (failed()) return false;
  const at = map + (port >> 3);
  if (at + 1 > limit) return false;
  const bits = <u32>systemRead(base + at, 2);
  return !failed() && ((bits >> (port & 7)) & ((1 << n) - 1)) === 0;
}
