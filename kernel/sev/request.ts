/** Requests of the kernel's own that no instruction of a program stands behind: an exception in answer ends the guest. */

import { GHCB_UNEXPECTED_EXCEPTION } from '../../spec/abi/termination.ts';
import { panic } from '../panic.ts';
import { send } from './ghcb.ts';

export function request(event: u32, info1: u64, info2: u64): void {
  if (send(event, info1, info2) !== 0) panic(GHCB_UNEXPECTED_EXCEPTION);
}
