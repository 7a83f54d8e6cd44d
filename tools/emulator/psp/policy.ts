import * as Policy from '../../../spec/policy.ts';

/** Version of the firmware interface that this AMD-SP has. */
export const ABI_MAJOR = 1;
export const ABI_MINOR = 55;
/** Bits of a policy that this firmware knows; the rest is reserved. SNP §4.3. */
const KNOWN =
  BigInt(Policy.ABI_MINOR_MASK | Policy.ABI_MAJOR_MASK | Policy.SMT | Policy.RESERVED_ONE) |
  BigInt(Policy.MIGRATE_MA | Policy.DEBUG | Policy.SINGLE_SOCKET);

/** Why LAUNCH_START refuses a policy; undefined if it does not. The host has SMT on. SNP, LAUNCH_START. */
export function refusedPolicy(policy: bigint): string | undefined {
  const has = (bit: number) => (policy & BigInt(bit)) !== 0n;
  const minor = Number(policy & 0xffn);
  const major = Number((policy >> 8n) & 0xffn);
  if ((policy & ~KNOWN) !== 0n) return 'reserved bits are set';
  if (!has(Policy.RESERVED_ONE)) return 'bit 17 is not set';
  if (major > ABI_MAJOR || (major === ABI_MAJOR && minor > ABI_MINOR)) {
    return `it asks for firmware ${major}.${minor}, and this is ${ABI_MAJOR}.${ABI_MINOR}`;
  }
  if (!has(Policy.SMT)) return 'it forbids SMT, which is on';
  return undefined;
}
