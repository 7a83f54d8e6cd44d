import { beforeAll, describe, expect, it } from 'vitest';
import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import { Ghcb as Page } from '../../spec/layouts/ghcb.ts';
import type { Call, HonestHypervisor } from '../../test/kernel/hypervisor.ts';
import type { BareMachine } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, liar, panicked } from '../../test/kernel/run.ts';

describe('the GHCB', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** How an SNP boot ends when the host spoils its answer to the first console line. */
  const endsWhen = (spoil: (call: Call, host: HonestHypervisor) => void) => {
    const hypervisor = liar({});
    const { serve } = hypervisor;
    hypervisor.serve = (call, machine) => {
      serve.call(hypervisor, call, machine);
      spoil(call, hypervisor);
    };
    return boot(module, { mode: 'snp', hypervisor }).end;
  };

  it('ends the guest when the host calls a request malformed', () => {
    expect(endsWhen(({ ghcb }, host) => host.answer(ghcb, 2n, 6n))).toEqual(
      panicked('GHCB_REQUEST_REFUSED'),
    );
  });

  it.each([
    ['has an unknown result', 3n],
    ['has bits above the result', 0x1_0000_0000n],
  ])('ends the guest when SW_EXITINFO1 %s', (_, info1) => {
    expect(endsWhen(({ ghcb }, host) => host.answer(ghcb, info1, 0n))).toEqual(
      panicked('GHCB_BAD_EXIT_INFO'),
    );
  });

  it.each([
    ['#GP', 0x8000_0b0dn, 'GHCB_UNEXPECTED_EXCEPTION'],
    ['#UD', 0x8000_0306n, 'GHCB_UNEXPECTED_EXCEPTION'],
    ['#PF', 0x8000_0b0en, 'GHCB_BAD_EXCEPTION'],
    ['#VC', 0x8000_0b1dn, 'GHCB_BAD_EXCEPTION'],
    ['an NMI', 0x8000_0202n, 'GHCB_BAD_EXCEPTION'],
    ['#GP without the valid bit', 0x0000_0b0dn, 'GHCB_BAD_EXCEPTION'],
  ] as const)('ends the guest when the host answers with %s', (_, event, reason) => {
    expect(endsWhen(({ ghcb }, host) => host.answer(ghcb, 1n, event))).toEqual(panicked(reason));
  });

  it.each([Ghcb.VALID_SW_EXITINFO1, Ghcb.VALID_SW_EXITINFO2])(
    'ends the guest when result %i is not marked valid',
    (bit) => {
      const end = endsWhen(({ ghcb }) => {
        ghcb.validHigh &= ~(1n << BigInt(bit - 64));
      });
      expect(end).toEqual(panicked('GHCB_OUTPUT_MISSING'));
    },
  );

  it('marks valid what a request holds and nothing else', () => {
    const marked: bigint[] = [];
    const hypervisor = liar({});
    const { page } = hypervisor;
    hypervisor.page = (gpa, machine) => {
      const ghcb = machine.view(Page, Number(gpa));
      if (ghcb.swExitCode === BigInt(Exit.IOIO)) {
        marked.push(ghcb.validLow | (ghcb.validHigh << 64n));
        expect(ghcb.usage).toBe(Ghcb.USAGE_STANDARD);
      }
      page.call(hypervisor, gpa, machine);
    };
    boot(module, { mode: 'snp', hypervisor });
    const bits = (...numbers: number[]) => numbers.reduce((all, n) => all | (1n << BigInt(n)), 0n);
    const always = [Ghcb.VALID_SW_EXITCODE, Ghcb.VALID_SW_EXITINFO1, Ghcb.VALID_SW_EXITINFO2];
    const line = bits(...always, Ghcb.VALID_SW_SCRATCH);
    const exit = bits(...always, Ghcb.VALID_RAX);
    expect(marked).toEqual([line, exit]);
  });

  it('leaves the page marked as not in use after each request', () => {
    const usages: number[] = [];
    const program = (machine: BareMachine) => {
      const [gpa = 0n] = machine.hypervisor.registered;
      usages.push(machine.view(Page, Number(gpa)).usage);
    };
    boot(module, { mode: 'snp', program });
    expect(usages).toEqual([Ghcb.USAGE_INVALID]);
  });

  it('sends a line as one string request', () => {
    const strings: [bigint, bigint][] = [];
    const hypervisor = liar({});
    const { port } = hypervisor;
    hypervisor.port = (call, machine) => {
      if (call.info1 & 4n) strings.push([call.info1, call.info2]);
      port.call(hypervisor, call, machine);
    };
    const { machine } = boot(module, { mode: 'snp', hypervisor });
    expect(machine.console).toBe('Tacit, mode snp\n');
    expect(strings).toEqual([[0x03f8_0e1cn, 16n]]);
  });

  it('reads no field of an answer twice', () => {
    const reads = new Map<string, number>();
    const onSharedLoad = (address: number, machine: BareMachine) => {
      const read = `exit ${machine.exits}, ${(address % 4096).toString(16)}`;
      reads.set(read, (reads.get(read) ?? 0) + 1);
    };
    const { end } = boot(module, { mode: 'snp', startsShared: true, onSharedLoad });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    expect(reads.size).toBeGreaterThan(10);
    for (const [read, times] of reads) expect(times, read).toBe(1);
  });

  it('is not fooled at any of its reads: each makes no difference, or ends the guest', () => {
    const count = (onSharedLoad: (address: number, machine: BareMachine) => void) =>
      boot(module, { mode: 'snp', startsShared: true, onSharedLoad });
    let total = 0;
    count(() => total++);
    for (let n = 1; n <= total; n++) {
      let read = 0;
      const { end, machine } = count((address, { memory }) => {
        if (++read === n) memory.write64(BigInt(address), 0x5bad_5bad_5bad_5badn);
      });
      if (end.kind === 'exit') expect(machine.console, `read ${n}`).toBe('Tacit, mode snp\n');
      else expect(end, `read ${n}`).toMatchObject({ kind: 'panic' });
      expect(machine.validations.get(0x200n) ?? 1, `read ${n}`).toBe(1);
    }
  });
});
