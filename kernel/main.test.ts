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

  it('takes page tables out of RAM where there is more than the linker reserved them for', () => {
    const GIB = 0x4000_0000n;
    const map = [
      { start: 0x10_0000n, size: 2n * GIB - 0x10_0000n },
      { start: 4n * GIB, size: 62n * GIB },
    ];
    const { end, machine } = boot(module, { mode: 'none', map });
    expect(end).toEqual({ kind: 'exit', code: 0 });
    const last = 0xffff_8000_0000_0000n + 66n * GIB - 0x20_0000n;
    expect(machine.memory.translate(last)?.gpa).toBe(66n * GIB - 0x20_0000n);
  });
});
