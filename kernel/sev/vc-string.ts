/** INS and OUTS, with REP or without: through the shared buffer, as much as it holds at a time. GHCB §4.1.1. */

import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Cpu from '../../spec/cpu.ts';
import * as Exit from '../../spec/exit.ts';
import { SHARED_BUFFER_SIZE } from '../../spec/ghcb.ts';
import * as Ioio from '../../spec/ioio.ts';
import { load8, store8 } from '../cpu.ts';
import * as shared from '../volatile.ts';
import * as ghcb from './ghcb.ts';
import { decodedByte, decodedBytes, isRepeated, isWide } from './vc-instruction.ts';
import { requestFor } from './vc-reflect.ts';

const NOT_BYTE: u32 = 1;
const OUT: u32 = 2;

/**
 * Moves as many values as fit. While some are left the instruction stays where it is, and raises
 * #VC again: what one entry does is bounded.
 */
export function serveString(frame: TrapFrame): void {
  const opcode = decodedByte();
  const bytes: u32 = (opcode & NOT_BYTE) === 0 ? 1 : isWide() ? 4 : 2;
  const output = (opcode & OUT) !== 0;
  const wanted: u64 = isRepeated() ? frame.rcx : 1;
  const count = u32(min<u64>(wanted, u64(SHARED_BUFFER_SIZE / bytes)));
  if (count !== 0) {
    const backwards = (frame.rflags & u64(Cpu.RFLAGS_DF)) !== 0;
    const step: u64 = backwards ? -u64(bytes) : u64(bytes);
    if (output) {
      send(frame, bytes, count, step);
      frame.rsi += step * u64(count);
    } else {
      receive(frame, bytes, count, step);
      frame.rdi += step * u64(count);
    }
    if (isRepeated()) frame.rcx -= u64(count);
  }
  if (wanted === u64(count)) frame.rip += decodedBytes();
}

function send(frame: TrapFrame, bytes: u32, count: u32, step: u64): void {
  ghcb.begin();
  let to = ghcb.sharedBuffer();
  let from = frame.rsi;
  for (let i: u32 = 0; i < count; i++) {
    for (let byte: u32 = 0; byte < bytes; byte++) shared.store8(to + byte, load8(from + u64(byte)));
    to += bytes;
    from += step;
  }
  ghcb.useSharedBuffer();
  request(frame, bytes, count, Ioio.SEGMENT_DS << Ioio.SEGMENT_SHIFT);
}

function receive(frame: TrapFrame, bytes: u32, count: u32, step: u64): void {
  ghcb.begin();
  ghcb.useSharedBuffer();
  request(frame, bytes, count, Ioio.IN | (Ioio.SEGMENT_ES << Ioio.SEGMENT_SHIFT));
  let from = ghcb.sharedBuffer();
  let to = frame.rdi;
  for (let i: u32 = 0; i < count; i++) {
    for (let byte: u32 = 0; byte < bytes; byte++) store8(to + u64(byte), shared.load8(from + byte));
    from += bytes;
    to += step;
  }
}

function request(frame: TrapFrame, bytes: u32, count: u32, direction: u32): void {
  const port = (u32(frame.rdx) & 0xffff) << Ioio.PORT_SHIFT;
  // The sizes' bits are in the order of the sizes.
  const what = Ioio.STRING | Ioio.ADDRESS_64 | (bytes * Ioio.SIZE_8) | direction;
  const repeat = isRepeated() ? Ioio.REP : 0;
  requestFor(frame, Exit.IOIO, u64(port | what | repeat), u64(count));
}
