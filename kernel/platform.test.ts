import { beforeAll, describe, expect, it } from 'vitest';
import { PLATFORM_NONE, PLATFORM_SEV, PLATFORM_SNP } from '../spec/abi/platform.ts';
import * as SevStatus from '../spec/sev-status.ts';
import type { BareMachine, Mode } from '../test/kernel/machine.ts';
import { kernelModule } from '../test/kernel/module.ts';
import { boot, panicked } from '../test/kernel/run.ts';

describe('the platform ladder', () => {
  let module: WebAssembly.Module;
  beforeAll(async () => {
    module = await kernelModule();
  });

  const endsWhen = (mode: Mode, prepare: (machine: BareMachine) => void) =>
    boot(module, { mode, prepare }).end;

  it.each(['none', 'sev', 'sev-es', 'snp'] as const)(
    'ends the guest in mode %s when the image does not list it',
    (mode) => {
      const bit = 1 << ['none', 'sev', 'sev-es', 'snp'].indexOf(mode);
      const end = endsWhen(mode, ({ info }) => {
        info.modes = 0xf & ~bit;
      });
      expect(end).toEqual(panicked('MODE_NOT_ALLOWED'));
    },
  );

  it.each([
    ['a rung is missing: SNP without SEV-ES', 'snp', SevStatus.SEV | SevStatus.SNP],
    ['a rung is missing: SEV-ES without SEV', 'sev-es', SevStatus.SEV_ES],
    ['SEV_STATUS is not what the shim recorded', 'snp', SevStatus.SEV | SevStatus.SEV_ES],
  ] as const)('ends the guest when %s', (_, mode, status) => {
    const end = endsWhen(mode, ({ record }) => {
      record.sevStatus = BigInt(status);
    });
    expect(end).toEqual(panicked('PLATFORM_CONTRADICTION'));
  });

  it('ends the guest when the shim acted on a lower rung than SEV_STATUS shows', () => {
    for (const [mode, platform] of [
      ['snp', PLATFORM_SEV],
      ['sev', PLATFORM_NONE],
      ['sev', PLATFORM_SNP],
    ] as const) {
      const end = endsWhen(mode, ({ record }) => {
        record.platform = platform;
      });
      expect(end).toEqual(panicked('PLATFORM_CONTRADICTION'));
    }
  });

  it('ends the guest when SNP was entered as PVH, which has no launch pages', () => {
    const end = endsWhen('snp', ({ record }) => {
      record.entry = 1;
    });
    expect(end).toEqual(panicked('PLATFORM_CONTRADICTION'));
  });

  it.each([
    ['none', 51],
    ['sev', 0],
    ['sev', 20],
    ['snp', 63],
  ] as const)('ends the guest in mode %s when the C-bit is said to be bit %i', (mode, cBit) => {
    const end = endsWhen(mode, ({ record }) => {
      record.cBit = cBit;
    });
    expect(end).toEqual(panicked('PLATFORM_CONTRADICTION'));
  });

  it('ends the guest when SEV_STATUS has a feature that the image does not allow', () => {
    const status = SevStatus.SEV | SevStatus.SEV_ES | SevStatus.SNP | SevStatus.VTOM;
    const end = endsWhen('snp', (machine) => {
      machine.record.sevStatus = BigInt(status);
      machine.sevStatus = BigInt(status);
    });
    expect(end).toEqual(panicked('FEATURE_REFUSED'));
  });

  it('ends the guest when SEV_STATUS lacks a feature that the image requires', () => {
    const end = endsWhen('snp', ({ info }) => {
      info.featuresRequired = BigInt(SevStatus.RESTRICTED_INJECTION);
      info.featuresAllowed = BigInt(SevStatus.RESTRICTED_INJECTION);
    });
    expect(end).toEqual(panicked('FEATURE_MISSING'));
  });

  it('runs with a feature that the image allows', () => {
    const status = SevStatus.SEV | SevStatus.SEV_ES | SevStatus.SNP | SevStatus.BTB_ISOLATION;
    const end = endsWhen('snp', (machine) => {
      machine.info.featuresAllowed = BigInt(SevStatus.BTB_ISOLATION);
      machine.record.sevStatus = BigInt(status);
      machine.sevStatus = BigInt(status);
    });
    expect(end).toEqual({ kind: 'exit', code: 0 });
  });

  it('ends the guest when write protection or no-execute is off', () => {
    for (const off of ['cr0', 'efer'] as const) {
      const end = endsWhen('none', (machine) => {
        machine[off] = 0n;
      });
      expect(end).toEqual(panicked('PROTECTION_OFF'));
    }
  });

  it('ends the guest when its own data does not read as linked', () => {
    const end = endsWhen('none', ({ info }) => {
      info.magic = 0n;
    });
    expect(end).toEqual(panicked('IMAGE_INFO_BAD'));
  });
});
