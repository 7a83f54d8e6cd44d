import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as Status from '../../../spec/psp-status.ts';
import { createMachine } from '../machine.ts';

const ASID = 1;
const PAGE = 4096;
const CONTENT = new Uint8Array(PAGE).map((_, i) => i * 3);

function machine() {
  const made = createMachine({ mode: 'sev', memory: 4 << 20 });
  made.core.write(PAGE, CONTENT, 0);
  return made;
}

describe('a launch before SNP', () => {
  it('measures what it encrypts, in the order of the commands, sixteen bytes and more at a time', () => {
    const { psp, core } = machine();
    expect(psp.sev.launchStart(ASID)).toBe(Status.SUCCESS);
    expect(psp.sev.launchUpdate(PAGE + 0x20, 0x10)).toBe(Status.SUCCESS);
    expect(psp.sev.launchUpdate(PAGE + 0x40, 0x30)).toBe(Status.SUCCESS);
    const parts = [CONTENT.subarray(0x20, 0x30), CONTENT.subarray(0x40, 0x70)];
    const digest = createHash('sha256').update(Buffer.concat(parts)).digest();
    expect(psp.sev.launchMeasure()).toEqual(new Uint8Array(digest));
    expect(core.read(PAGE + 0x20, 0x10, ASID)).toEqual(parts[0]);
    expect(core.read(PAGE + 0x20, 0x10, 0)).not.toEqual(parts[0]);
    expect(core.read(PAGE + 0x30, 0x10, 0)).toEqual(CONTENT.subarray(0x30, 0x40));
  });

  it('takes whole blocks of memory that there is, before it was measured', () => {
    const { psp } = machine();
    expect(psp.sev.launchUpdate(PAGE, 16)).toBe(Status.INVALID_GUEST_STATE);
    psp.sev.launchStart(ASID);
    expect(psp.sev.launchUpdate(PAGE + 8, 16)).toBe(Status.INVALID_ADDRESS);
    expect(psp.sev.launchUpdate(1 << 30, 16)).toBe(Status.INVALID_ADDRESS);
    expect(psp.sev.launchUpdate(PAGE, 8)).toBe(Status.INVALID_LENGTH);
    expect(psp.sev.launchUpdate(PAGE, 0)).toBe(Status.INVALID_LENGTH);
    psp.sev.launchMeasure();
    expect(psp.sev.launchUpdate(PAGE, 16)).toBe(Status.INVALID_GUEST_STATE);
    expect(psp.sev.launchStart(0)).toBe(Status.INVALID_ASID);
  });

  it('goes on from a snapshot with the digest that it had there', () => {
    const { psp } = machine();
    psp.sev.launchStart(ASID);
    const restore = psp.sev.snapshot();
    const measure = () => {
      psp.sev.launchUpdate(PAGE, 16);
      return psp.sev.launchMeasure();
    };
    const once = measure();
    restore();
    expect(once).toBeDefined();
    expect(measure()).not.toEqual(once); // what was plaintext is ciphertext now
    restore();
    expect(psp.sev.launchMeasure()).toEqual(new Uint8Array(createHash('sha256').digest()));
  });

  it('lets a page be decrypted as far as the policy has it', () => {
    const decrypted = (policy: number) => {
      const { psp, core } = machine();
      psp.sev.launchStart(ASID, policy);
      psp.sev.launchUpdate(PAGE, PAGE);
      const status = psp.sev.debugDecrypt(PAGE, 2 * PAGE, 32);
      return {
        status,
        same: Buffer.from(core.read(2 * PAGE, 32, 0)).equals(CONTENT.subarray(0, 32)),
      };
    };
    expect(decrypted(0)).toEqual({ status: Status.SUCCESS, same: true });
    expect(decrypted(1)).toEqual({ status: Status.POLICY_FAILURE, same: false });
    const { psp } = machine();
    expect(psp.sev.debugDecrypt(PAGE, 0, 16)).toBe(Status.INVALID_GUEST);
    psp.sev.launchStart(ASID);
    expect(psp.sev.debugDecrypt(PAGE + 1, 0, 16)).toBe(Status.INVALID_ADDRESS);
    expect(psp.sev.debugDecrypt(PAGE, 0, 15)).toBe(Status.INVALID_LENGTH);
  });
});
