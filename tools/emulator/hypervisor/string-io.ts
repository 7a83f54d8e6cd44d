import { RFLAGS_DF, VECTOR_PF } from '../../../spec/cpu.ts';
import type { Hypervisor } from './hypervisor.ts';
import { inString, outString, type PortAccess } from './io-events.ts';
import { translate } from './linear.ts';

const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

/**
 * INS and OUTS of a guest whose memory the hypervisor can read: one iteration after the other, each
 * of which counts as an instruction.
 */
export function stringAccess(host: Hypervisor, access: PortAccess): void {
  if (host.mode !== 'none') {
    const what = `string I/O in an encrypted guest (port 0x${access.port.toString(16)})`;
    host.end({ kind: 'unimplemented', what });
    return;
  }
  const { registers } = host.vcpu;
  const width = (1n << BigInt(access.addressSize)) - 1n;
  const index = access.input ? 'rdi' : 'rsi';
  const name = access.input ? 'es' : SEGMENTS[access.segment];
  const segment = registers[name ?? 'ds'];
  const step = BigInt(access.size) * ((registers.rflags & BigInt(RFLAGS_DF)) === 0n ? 1n : -1n);
  const before = registers.instructions;
  while (!access.repeat || (registers.rcx & width) !== 0n) {
    const linear = segment.base + (registers[index] & width);
    if (!moveOne(host, access, linear)) return;
    registers[index] = put(registers[index], registers[index] + step, width);
    if (!access.repeat) break;
    registers.rcx = put(registers.rcx, registers.rcx - 1n, width);
    registers.instructions++;
  }
  // The instruction itself was counted when it exited.
  if (registers.instructions > before) registers.instructions--;
  host.vcpu.advance();
}

/** Moves one value between the port and linear address `linear`; false: the guest gets #PF. */
function moveOne(host: Hypervisor, access: PortAccess, linear: bigint): boolean {
  const bytes = access.input
    ? inString(host.ports, access.port, access.size, 1)
    : new Uint8Array(access.size);
  for (let i = 0; i < access.size; i++) {
    const at = translate(host.core, host.memory, BigInt.asUintN(64, linear + BigInt(i)));
    if (at.kind === 'fault') {
      host.vcpu.registers.cr2 = BigInt.asUintN(64, linear + BigInt(i));
      host.vcpu.injectException(VECTOR_PF, at.errorCode | (access.input ? 2 : 0));
      return false;
    }
    if (access.input) host.memory.writeGuest(at.gpa, bytes.subarray(i, i + 1));
    else bytes[i] = host.memory.readGuest(at.gpa, 1)?.[0] ?? 0xff;
  }
  if (!access.input) outString(host.ports, access.port, access.size, bytes);
  return true;
}

function put(old: bigint, value: bigint, width: bigint): bigint {
  const kept = width === 0xffffn ? old & ~width : 0n;
  return kept | (value & width);
}
