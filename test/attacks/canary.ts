/** Where a host can find what a guest keeps secret, and whether it changed what is the guest's. */

import { createHash } from 'node:crypto';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Machine } from '../../tools/emulator/machine.ts';
import { protectedState } from '../../tools/emulator/mode.ts';
import { GENERAL_REGISTERS } from '../../tools/emulator/registers.ts';

/** What a small guest keeps secret. */
export const CANARY = 0x5eed_cafe_f00d_d00dn;

/** The canary as it lies in memory. */
export function canaryBytes(canary = CANARY): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, canary, true);
  return bytes;
}

/**
 * Where the host sees `secret`: each system frame as it reads it (ciphertext of what is the guest's, shared
 * pages, GHCB, VMSA, AMD-SP's pages), the registers where they are the host's to see, and the console.
 */
export function leaks(machine: Machine, secret: Uint8Array, console = ''): string[] {
  const found: string[] = [];
  const { frames } = machine.core;
  for (let frame = 0; frame < frames.count; frame++) {
    if (contains(machine.memory.read(frame * PAGE, PAGE), secret)) {
      found.push(`frame 0x${frame.toString(16)}`);
    }
  }
  if (secret.length === 8 && !protectedState(machine.mode)) {
    const word = Buffer.from(secret).readBigUInt64LE();
    const { registers } = machine.vcpu;
    for (const name of REGISTERS) if (registers[name] === word) found.push(name);
  }
  if (contains(Buffer.from(console, 'latin1'), secret)) found.push('console');
  return found;
}

/** SHA-256 over memory as the chips hold it, and the guest's registers: equal means that nothing changed. */
export function fingerprint(machine: Machine): string {
  const hash = createHash('sha256');
  const { core, memory } = machine;
  for (let frame = 0; frame < core.frames.count; frame++) {
    hash.update(memory.read(frame * PAGE, PAGE));
  }
  for (const name of REGISTERS) hash.update(core.state[name].toString(16));
  return hash.digest('hex');
}

const REGISTERS = [...GENERAL_REGISTERS, ...(['rip', 'rflags', 'cr3'] as const)] as const;

function contains(bytes: Uint8Array, secret: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(Buffer.from(secret));
}
