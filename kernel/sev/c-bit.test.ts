import { beforeAll, describe, expect, it } from 'vitest';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, panicked } from '../../test/kernel/run.ts';

describe('the proof of the C-bit', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  it.each(['sev', 'sev-es'] as const)(
    'ends the guest in mode %s when what is written private reads back shared',
    (mode) => {
      expect(boot(module, { mode, cBitEncrypts: false }).end).toEqual(panicked('C_BIT_WRONG'));
    },
  );

  it.each(['sev', 'sev-es'] as const)(
    'ends the guest in mode %s without random numbers',
    (mode) => {
      const prepare = (machine: { random: boolean }) => {
        machine.random = false;
      };
      expect(boot(module, { mode, prepare }).end).toEqual(panicked('NO_RANDOM'));
    },
  );
});
