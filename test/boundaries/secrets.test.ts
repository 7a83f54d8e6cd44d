import { beforeAll, describe, expect, it } from 'vitest';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import type { Build } from '../../tools/image/build.ts';
import { programSecret } from '../secret.ts';
import { Secrets } from './secrets.ts';
import { Subject, tickImage } from './subject.ts';

let build: Build;
beforeAll(async () => {
  build = await tickImage('kvm');
});

describe.each(['sev', 'sev-es', 'snp'] as const)('the canaries of a guest (mode %s)', (mode) => {
  it('are in its memory when it ends, and not seen by its host, but where they are shown', () => {
    const subject = new Subject(build, mode, 'kvm');
    const { machine } = subject;
    const secrets = new Secrets(machine);
    const { end, leaked } = subject.finish();
    expect(end.kind).toBe('exit');
    expect(leaked).toBe(false);

    const { core, memory, asid } = machine;
    const secret = programSecret();
    const holds = Array.from({ length: core.frames.count }, (_, frame) => frame).filter((frame) =>
      Buffer.from(core.read(frame * PAGE, PAGE, asid)).includes(secret),
    );
    expect(holds.length).toBeGreaterThan(0);

    expect(secrets.areSeen()).toBe(false);
    const shared = Array.from({ length: memory.pages }, (_, gfn) => BigInt(gfn * PAGE)).findLast(
      (gpa) => memory.writable(gpa),
    );
    memory.writeGuest(shared ?? 0n, secret.subarray(8));
    expect(secrets.areSeen()).toBe(true);
  });
});
