import { beforeAll, describe, expect, it } from 'vitest';
import * as Cpuid from '../../spec/cpuid.ts';
import type { View } from '../../spec/layout.ts';
import { CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import { PLACES } from '../../test/kernel/machine.ts';
import { kernelModule } from '../../test/kernel/module.ts';
import { boot, panicked } from '../../test/kernel/run.ts';

describe('the pages that the launch filled', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  /** The page's entry for `leaf`. */
  const entryOf = (page: View<typeof CpuidPage>, leaf: number) => {
    const entry = page.functions.find(({ eaxIn }) => eaxIn === leaf);
    if (!entry) throw new RangeError('the page has no such leaf');
    return entry;
  };

  const endsWith = (spoil: (page: View<typeof CpuidPage>) => void) =>
    boot(module, {
      mode: 'snp',
      prepare: (machine) => spoil(machine.view(CpuidPage, PLACES.cpuid)),
    }).end;

  it.each([0, 65, 0xffff_ffff])('are refused: a CPUID page with %i entries', (count) => {
    expect(endsWith((page) => Object.assign(page, { count }))).toEqual(panicked('CPUID_PAGE_BAD'));
  });

  it.each([
    ['features', Cpuid.LEAF_FEATURES],
    ['extended functions', Cpuid.LEAF_EXTENDED],
    ['encrypted memory', Cpuid.LEAF_ENCRYPTED_MEMORY],
  ])('are refused: a CPUID page without the leaf of %s', (_, leaf) => {
    expect(endsWith((page) => Object.assign(entryOf(page, leaf), { eaxIn: 0x77 }))).toEqual(
      panicked('CPUID_LEAF_MISSING'),
    );
  });

  it('are refused: a CPUID page that names another C-bit', () => {
    expect(
      endsWith((page) => Object.assign(entryOf(page, Cpuid.LEAF_ENCRYPTED_MEMORY), { ebx: 47 })),
    ).toEqual(panicked('C_BIT_WRONG'));
  });

  it('are refused: a CPUID page of a CPU without SNP', () => {
    const eax = Cpuid.EAX_SEV | Cpuid.EAX_SEV_ES;
    expect(
      endsWith((page) => Object.assign(entryOf(page, Cpuid.LEAF_ENCRYPTED_MEMORY), { eax })),
    ).toEqual(panicked('CPUID_PAGE_BAD'));
  });

  it.each([0, 1, 5])('are refused: a secrets page of version %i', (version) => {
    const { end } = boot(module, {
      mode: 'snp',
      prepare: (machine) => {
        machine.view(SecretsPage, PLACES.secrets).version = version;
      },
    });
    expect(end).toEqual(panicked('SECRETS_PAGE_BAD'));
  });

  it('decide whether each page’s lines are touched after validation', () => {
    const touched = (ebx: number) => {
      const { machine } = boot(module, {
        mode: 'snp',
        prepare: (m) =>
          Object.assign(entryOf(m.view(CpuidPage, PLACES.cpuid), Cpuid.LEAF_ENCRYPTED_MEMORY), {
            ebx,
          }),
      });
      return machine.loads8;
    };
    const pages = 3 * 512;
    const withTouch = touched(51);
    const without = touched(Cpuid.EBX_COHERENCY_SFW_NO + 51);
    expect(withTouch - without).toBeGreaterThanOrEqual(2 * pages);
  });
});
