/** IN and OUT between a port and AL, AX or EAX. APM3, IN, OUT; GHCB §4.1.1. */

import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import * as Ioio from '../../spec/ioio.ts';
import { load8 } from '../cpu.ts';
import * as ghcb from './ghcb.ts';
import { decodedByte, decodedBytes, isWide } from './vc-instruction.ts';
import { requestFor } from './vc-reflect.ts';

/** Opcode bits: clear means a byte; set, that it is OUT; set, that the port is in DX. */
const NOT_BYTE: u32 = 1;
const OUT: u32 = 2;
const PORT_IN_DX: u32 = 8;

export function serveIoio(frame: TrapFrame): void {
  const opcode = decodedByte();
  let length = decodedBytes();
  let port = u32(frame.rdx) & 0xffff;
  if ((opcode & PORT_IN_DX) === 0) port = load8(frame.rip + length++);
  const size = (opcode & NOT_BYTE) === 0 ? Ioio.SIZE_8 : isWide() ? Ioio.SIZE_32 : Ioio.SIZE_16;
  const mask: u64 = size === Ioio.SIZE_8 ? 0xff : size === Ioio.SIZE_16 ? 0xffff : 0xffff_ffff;
  const input = (opcode & OUT) === 0;
  ghcb.begin();
  if (!input) ghcb.setRax(frame.rax & mask);
  const info = (port << Ioio.PORT_SHIFT) | Ioio.ADDRESS_64 | size | (input ? Ioio.IN : 0);
  requestFor(frame, Exit.IOIO, u64(info), 0);
  if (input) {
    // A 32-bit result clears the upper half of RAX, a smaller one leaves what it does not cover.
    const kept = size === Ioio.SIZE_32 ? 0 : frame.rax & ~mask;
    frame.rax = kept | (ghcb.outputRax() & mask);
  }
  frame.rip += length;
}
