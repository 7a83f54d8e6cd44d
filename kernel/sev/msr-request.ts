/** Model-specific registers that the hypervisor keeps, asked for through the GHCB: no #VC. GHCB §4.1.3. */

import * as Exit from '../../spec/exit.ts';
import { begin, outputRax, outputRdx, setRax, setRcx, setRdx } from './ghcb.ts';
import { request } from './request.ts';

const READ: u64 = 0;
const WRITE: u64 = 1;
const LOW: u64 = 0xffff_ffff;

export function readMsr(index: u32): u64 {
  begin();
  setRcx(u64(index));
  request(Exit.MSR, READ, 0);
  const low = outputRax() & LOW;
  return (outputRdx() << 32) | low;
}

export function writeMsr(index: u32, value: u64): void {
  begin();
  setRcx(u64(index));
  setRax(value & LOW);
  setRdx(value >> 32);
  request(Exit.MSR, WRITE, 0);
}
