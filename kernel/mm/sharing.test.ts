import { beforeAll, describe, expect, it } from 'vitest';
import * as Psc from '../../spec/psc.ts';
import { BareMachine, type Mode } from '../../test/kernel/machine.ts';
import { panicked } from '../../test/kernel/run.ts';
import { assemble, flagsFor } from '../../tools/compiler/assemblyscript.ts';

describe('a page lent to the host', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await WebAssembly.compile(
      await assemble('test/fixtures/sharing-kernel.ts', flagsFor.kernel),
    );
  });

  /** Boots, and looks at the page while it is lent and when it is back. */
  const lend = (
    mode: Mode,
    look: (when: 'lent' | 'returned', machine: BareMachine, page: bigint) => void = () => {},
  ) => {
    const machine: BareMachine = new BareMachine(module, {
      mode,
      imports: {
        'sharing-kernel': {
          lent: (page: number) => look('lent', machine, BigInt(page)),
          returned: (page: number) => look('returned', machine, BigInt(page)),
        },
      },
    });
    return { machine, end: machine.run() };
  };

  it.each(['none', 'sev', 'sev-es', 'snp'] as const)(
    'is mapped shared, then private again, and holds nothing of either time (mode %s)',
    (mode) => {
      const seen: unknown[] = [];
      const { end } = lend(mode, (when, machine, page) => {
        const bytes = machine.memory.page(page);
        seen.push([when, machine.memory.translate(page)?.shared, bytes.some((byte) => byte !== 0)]);
        bytes.fill(0x77);
      });
      expect(end).toEqual({ kind: 'exit', code: 0 });
      const encrypted = mode !== 'none';
      expect(seen).toEqual([
        ['lent', encrypted, !encrypted],
        ['returned', false, !encrypted],
      ]);
    },
  );

  it('loses its validation before it is the host’s, and has it again when it is back', () => {
    const { machine } = lend('snp', (when, { validated, assigned }, page) => {
      const frame = page >> 12n;
      expect([validated.has(frame), assigned.has(frame)]).toEqual(
        when === 'lent' ? [false, false] : [true, true],
      );
    });
    // The GHCB is lent too, and stays so.
    expect(machine.pvalidates).toEqual({ huge: 0, small: 1, rescind: 2 });
  });

  it('ends the guest when the host keeps it validated for itself', () => {
    const { end } = lend('snp', (when, machine, page) => {
      if (when !== 'lent') return;
      const { assign } = machine;
      machine.assign = (frame, operation) => {
        assign.call(machine, frame, operation);
        if (operation === Psc.PRIVATE) machine.validated.add(page >> 12n);
      };
    });
    expect(end).toEqual(panicked('PVALIDATE_UNCHANGED'));
  });
});
