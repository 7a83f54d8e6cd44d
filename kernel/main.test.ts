import { beforeAll, describe, expect, it } from 'vitest';
import { BareMachine, type Mode } from '../test/kernel/machine.ts';
import { kernelModule } from '../test/kernel/module.ts';
import { boot, panicked } from '../test/kernel/run.ts';

const MODES: readonly Mode[] = ['none', 'sev', 'sev-es', 'snp'];

describe('the kernel', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  it.each(MODES)('boots in mode %s, and tells the host that its program ended', (mode) => {
    const machine = new BareMachine(module, { mode });
    expect(machine.run()).toEqual({ kind: 'exit', code: 0 });
    expect(machine.console).toBe(`Tacit, mode ${mode}\n`);
  });

  it('ends the guest when the linker reserved too few page tables', () => {
    const prepare = (machine: BareMachine) => {
      machine.info.poolPages = 1;
    };
    expect(boot(module, { mode: 'none', prepare }).end).toEqual(panicked('OUT_OF_PAGE_TABLES'));
  });
});
