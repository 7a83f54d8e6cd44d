import { beforeAll, describe, expect, it } from 'vitest';
import * as Request from '../../spec/ghcb-msr.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, liar, panicked } from '../../test/kernel/run.ts';

const sevInfo = (max: number, min: number, cBit: number) =>
  (BigInt(max) << 48n) | (BigInt(min) << 32n) | (BigInt(cBit) << 24n) | 1n;

describe('the GHCB MSR protocol', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** How an SNP boot ends when the answer to `request` is changed by `lie`. */
  const endsWhen = (request: number, lie: (answer: bigint) => bigint) => {
    const honest = liar({});
    const hypervisor = liar({
      msr(asked, machine) {
        const answer = honest.msr(asked, machine);
        return Number(asked & 0xfffn) === request ? lie(answer) : answer;
      },
    });
    return boot(module, { mode: 'snp', hypervisor }).end;
  };

  it.each([
    ['an older range than SNP needs', sevInfo(1, 1, 51)],
    ['a newer range only', sevInfo(9, 3, 51)],
    ['an empty range', sevInfo(2, 3, 51)],
  ])('ends the guest when the host offers %s', (_, answer) => {
    expect(endsWhen(Request.SEV_INFO_REQUEST, () => answer)).toEqual(
      panicked('PROTOCOL_VERSION_UNSUPPORTED'),
    );
  });

  it('speaks version 1 under SEV-ES, and the newest it knows with a newer host', () => {
    for (const [max, version] of [
      [1, 1],
      [7, 2],
    ] as const) {
      const versions = new Set<number>();
      const hypervisor = liar({ sevInfo: () => sevInfo(max, 1, 51) });
      hypervisor.serve = function (call, machine) {
        versions.add(call.ghcb.version);
        liar({}).serve.call(this, call, machine);
      };
      const { end } = boot(module, { mode: 'sev-es', hypervisor });
      expect(end).toEqual({ kind: 'exit', code: 0 });
      expect([...versions]).toEqual([version]);
    }
  });

  it('ends the guest when the host names another C-bit than the one in use', () => {
    expect(endsWhen(Request.SEV_INFO_REQUEST, () => sevInfo(2, 1, 47))).toEqual(
      panicked('C_BIT_WRONG'),
    );
  });

  it.each([
    Request.SEV_INFO_REQUEST,
    Request.HV_FEATURES_REQUEST,
    Request.PREFERRED_GHCB_REQUEST,
    Request.REGISTER_GHCB_REQUEST,
    Request.PAGE_STATE_CHANGE_REQUEST,
  ])('ends the guest when request %i is not answered at all', (request) => {
    expect(endsWhen(request, () => BigInt(request))).toEqual(panicked('GHCB_MSR_ANSWER'));
  });

  it('ends the guest when reserved bits of SEV information are set', () => {
    expect(endsWhen(Request.SEV_INFO_REQUEST, (answer) => answer | 0x1000n)).toEqual(
      panicked('GHCB_MSR_ANSWER'),
    );
  });

  it('ends the guest when the host does not offer SNP', () => {
    expect(endsWhen(Request.HV_FEATURES_REQUEST, () => BigInt(0x081))).toEqual(
      panicked('SNP_FEATURES_UNSUPPORTED'),
    );
  });

  it('ends the guest when the host prefers another page', () => {
    expect(endsWhen(Request.PREFERRED_GHCB_REQUEST, () => 0x7011n)).toEqual(
      panicked('GHCB_GPA_OTHER'),
    );
  });

  it('accepts that the host prefers the page that it gets anyway', () => {
    const { machine } = boot(module, { mode: 'snp' });
    const [gpa = 0n] = machine.hypervisor.registered;
    expect(endsWhen(Request.PREFERRED_GHCB_REQUEST, () => gpa | 0x011n)).toMatchObject({ code: 0 });
  });

  it.each([
    ['refuses it', 0xffff_ffff_ffff_f013n],
    ['registers another', 0x8013n],
  ])('ends the guest when the host %s', (_, answer) => {
    expect(endsWhen(Request.REGISTER_GHCB_REQUEST, () => answer)).toEqual(
      panicked('GHCB_GPA_REFUSED'),
    );
  });

  it.each([
    ['with an error', 0x1_0000_0015n],
    ['with the error of KVM', 0x8000_0000_0000_0015n],
    ['with reserved bits', 0x1015n],
  ])('ends the guest when a page-state change is answered %s', (_, answer) => {
    expect(endsWhen(Request.PAGE_STATE_CHANGE_REQUEST, () => answer)).toEqual(
      panicked('PSC_REFUSED'),
    );
  });

  it('registers the GHCB before it is used, and once', () => {
    const order: string[] = [];
    const hypervisor = liar({});
    const { msr, page } = hypervisor;
    hypervisor.msr = (request, machine) => {
      if ((request & 0xfffn) === 0x012n) order.push('register');
      return msr.call(hypervisor, request, machine);
    };
    hypervisor.page = (gpa, machine) => {
      order.push('use');
      page.call(hypervisor, gpa, machine);
    };
    boot(module, { mode: 'snp', hypervisor });
    expect(order[0]).toBe('register');
    expect(order.filter((step) => step === 'register')).toHaveLength(1);
    expect(order).toContain('use');
  });
});
