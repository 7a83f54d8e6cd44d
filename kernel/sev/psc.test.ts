import { beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../test/kernel/hypervisor.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, liar, panicked } from '../../test/kernel/run.ts';

/** The header of the batch in a request: three fields of the host's and ours. */
function header({ buffer }: Call) {
  const data = new DataView(buffer.buffer, buffer.byteOffset);
  return {
    data,
    current: data.getUint16(0, true),
    end: data.getUint16(2, true),
    entry: (i: number) => data.getBigUint64(8 + 8 * i, true),
  };
}

describe('a batch of page-state changes', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** Boots under SNP with RAM that starts as the host's; `spoil` acts after an honest answer. */
  const endsWhen = (spoil: (call: Call) => void) => {
    const hypervisor = liar({});
    const { changePages } = hypervisor;
    hypervisor.changePages = (call, machine) => {
      changePages.call(hypervisor, call, machine);
      spoil(call);
    };
    return boot(module, { mode: 'snp', startsShared: true, hypervisor }).end;
  };

  it('asks for RAM that starts as the host’s, 2 MiB at a time where it can', () => {
    const { machine, end } = boot(module, { mode: 'snp', startsShared: true });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    // One for the region that the frame table is put in, one for the pieces of the rest.
    expect(machine.calls.filter(({ code }) => code === 0x8000_0010)).toHaveLength(2);
  });

  it('asks for nothing where RAM starts as the guest’s', () => {
    const { machine } = boot(module, { mode: 'snp', startsShared: false });
    expect(machine.calls.filter(({ code }) => code === 0x8000_0010)).toHaveLength(0);
  });

  it('is taken up again when the host stops early', () => {
    const hypervisor = liar({});
    hypervisor.changePages = (call, machine) => {
      const { data, current, end, entry } = header(call);
      // A few entries at each exit, as an honest host does that is short of time.
      for (let i = current; i <= end && i < current + 7; i++) {
        const frames = (entry(i) >> 56n) & 1n ? 512n : 1n;
        const first = (entry(i) >> 12n) & 0xff_ffff_ffffn;
        for (let n = 0n; n < frames; n++) machine.assign(first + n, 1);
        data.setUint16(0, i + 1, true);
      }
    };
    const { end } = boot(module, { mode: 'snp', startsShared: true, hypervisor });
    expect(end).toEqual({ kind: 'exit', code: 0 });
  });

  it('ends the guest when the host goes back', () => {
    let turns = 0;
    const hypervisor = liar({
      changePages(call) {
        header(call).data.setUint16(0, turns++ === 0 ? 2 : 1, true);
      },
    });
    const { end } = boot(module, { mode: 'snp', startsShared: true, hypervisor });
    // The first batch is one entry of 2 MiB, so index 2 is beyond its end.
    expect(end).toEqual(panicked('PSC_TAMPERED'));
  });

  it.each([
    ['grows the batch', (call: Call) => header(call).data.setUint16(2, 200, true)],
    ['shrinks the batch', (call: Call) => header(call).data.setUint16(2, 0xffff, true)],
    ['sets reserved bits', (call: Call) => header(call).data.setUint32(4, 1, true)],
    ['skips ahead', (call: Call) => header(call).data.setUint16(0, 300, true)],
  ])('ends the guest when the host %s', (_, spoil) => {
    expect(endsWhen(spoil)).toEqual(panicked('PSC_TAMPERED'));
  });

  it.each([
    ['an invalid header', 0x1_0000_0001n],
    ['an invalid entry', 0x1_0000_0002n],
    ['a generic error', 0x100_0000_0000n],
  ])('ends the guest when the host refuses with %s', (_, info2) => {
    expect(endsWhen(({ ghcb }) => Object.assign(ghcb, { swExitInfo2: info2 }))).toEqual(
      panicked('PSC_REFUSED'),
    );
  });

  it('ends the guest when the host never goes forward', () => {
    const hypervisor = liar({ changePages: () => {} });
    const { end } = boot(module, { mode: 'snp', startsShared: true, hypervisor });
    expect(end).toEqual(panicked('PSC_STALLED'));
  });
});
