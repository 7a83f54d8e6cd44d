/** IN and OUT between a port and AL, AX or EAX. APM3, IN, OUT; GHCB §4.1.1. */

import { VC_AT_WRONG_SITE, VC_NOT_SERVED } from '../../spec/abi/termination.ts';
import { TrapFrame } from '../../spec/abi/trap-frame.ts';
import * as Exit from '../../spec/exit.ts';
import * as Ioio from '../../spec/ioio.ts';
import { load8 } from '../cpu.ts';
import { die } from '../exit.ts';
import { panic } from '../panic.ts';
import * as ghcb from './ghcb.ts';
import { request } from './request.ts';

const OPERAND_SIZE_PREFIX: u32 = 0x66;
/** Opcodes: bit 0 clear is a byte, bit 1 set is OUT, bit 3 set takes the port from DX. */
const FIRST: u32 = 0xe4;
const LAST: u32 = 0xef;
const BYTE_FORM_MASK: u32 = 0xf4;

export function serveIoio(frame: TrapFrame): void {
  let length: u32 = 1;
  let opcode = load8(frame.rip);
  const small = opcode === OPERAND_SIZE_PREFIX;
  if (small) opcode = load8(frame.rip + u64(length++));
  if (opcode < FIRST || opcode > LAST || (opcode & BYTE_FORM_MASK) !== FIRST) {
    die(VC_AT_WRONG_SITE);
  }
  const port = (opcode & 8) !== 0 ? u32(frame.rdx) & 0xffff : load8(frame.rip + u64(length++));
  const size = (opcode & 1) === 0 ? Ioio.SIZE_8 : small ? Ioio.SIZE_16 : Ioio.SIZE_32;
  const mask: u64 = size === Ioio.SIZE_8 ? 0xff : size === Ioio.SIZE_16 ? 0xffff : 0xffff_ffff;
  const input = (opcode & 2) === 0;
  if (!ghcb.ghcbReady()) panic(VC_NOT_SERVED);
  ghcb.begin();
  if (!input) ghcb.setRax(frame.rax & mask);
  const info = (port << Ioio.PORT_SHIFT) | Ioio.ADDRESS_64 | size | (input ? Ioio.IN : 0);
  request(Exit.IOIO, u64(info), 0);
  if (input) {
    // A 32-bit result clears the upper half of RAX, a smaller one leaves what it does not cover.
    const kept = size === Ioio.SIZE_32 ? 0 : frame.rax & ~mask;
    frame.rax = kept | (ghcb.outputRax() & mask);
  }
  frame.rip += u64(length);
}
