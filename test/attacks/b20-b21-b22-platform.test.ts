import { TOP } from '../../boot/memory-map.ts';
import * as Apic from '../../spec/apic.ts';
import * as Cpuid from '../../spec/cpuid.ts';
import * as Request from '../../spec/ghcb-msr.ts';
import { view } from '../../spec/layout.ts';
import { CpuidFunction, CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import { APIC_BASE, X2APIC } from '../../spec/msr.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import type { CpuidRegisters } from '../../tools/emulator/cpuid/model.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { MODES, type Mode } from '../../tools/emulator/mode.ts';
import { UserError } from '../../tools/errors.ts';
import { Guests } from './guests.ts';
import { type Outcome, testRow } from './row.ts';
import { attackOn, mustEnd, Trial } from './trial.ts';

const guests = new Guests();
const RESTRICTED_INJECTION =
  BigInt(SevStatus.RESTRICTED_INJECTION) >> BigInt(SevStatus.FEATURES_SHIFT);
const SPURIOUS = X2APIC + (Apic.SPURIOUS >> 4);
/** The first entry of the CPUID page. */
const FIRST = CpuidPage.fields.functions.offset;
/** Leaf 7 EBX: what the machine's CPU does not have. */
const AVX512F = 0x1_0000;
/** RAM that is the guest's, and the host would have it written. */
const TARGET = 0x3f_f000;

/** Where the entry of `leaf` is in the CPUID page. */
function findLeaf(page: Uint8Array, leaf: number): number {
  const { count, functions } = view(CpuidPage, page);
  for (let i = 0; i < count; i++) {
    if (functions[i]?.eaxIn === leaf) return FIRST + i * CpuidFunction.size;
  }
  throw new RangeError(`the page has no leaf 0x${leaf.toString(16)}`);
}

/** CPUID's answer for `leaf`, of a CPU that has neither RDRAND nor RDSEED. */
function withoutRandom(leaf: number, { eax, ebx, ecx, edx }: CpuidRegisters): CpuidRegisters {
  const drand = leaf === Cpuid.LEAF_FEATURES ? Cpuid.ECX_RDRAND : 0;
  const seed = leaf === Cpuid.LEAF_STRUCTURED_FEATURES ? Cpuid.EBX_RDSEED : 0;
  return { eax, ebx: (ebx & ~seed) >>> 0, ecx: (ecx & ~drand) >>> 0, edx };
}

testRow('B20', {
  'a C-bit elsewhere': async (setting) =>
    mustEnd(
      await attackOn(guests, setting, ({ host }) => {
        host.onRequest(Request.SEV_INFO_REQUEST, (_request, honest) => {
          const truth = honest() ?? 0n;
          return host.rip >= TOP ? (truth & ~(0xffn << 24n)) | (47n << 24n) : truth;
        });
      }),
    ),
  'a CPU without random numbers': async (setting) => {
    const seen = await attackOn(guests, setting, (trial) => {
      const { answers } = trial.machine.hypervisor;
      const { cpuid } = answers;
      // Before SNP the host is asked each time: so it need not lie before the C-bit was proved.
      trial.once('open', () => {
        answers.cpuid = (host, leaf, subleaf) => withoutRandom(leaf, cpuid(host, leaf, subleaf));
      });
      trial.host.onCpuidPage((page) => {
        const edited = page.slice();
        for (const leaf of [Cpuid.LEAF_FEATURES, Cpuid.LEAF_STRUCTURED_FEATURES]) {
          const entry = view(CpuidFunction, edited, findLeaf(edited, leaf));
          Object.assign(entry, withoutRandom(leaf, entry));
        }
        return edited;
      });
    });
    return mustEnd(seen);
  },
  'a feature that the CPU has not': async (setting): Promise<Outcome> => {
    try {
      return mustEnd(
        await attackOn(guests, setting, ({ host }) =>
          host.onCpuidPage((page) => {
            const edited = page.slice();
            const at = findLeaf(edited, Cpuid.LEAF_STRUCTURED_FEATURES);
            const entry = view(CpuidFunction, edited, at);
            entry.ebx = (entry.ebx | AVX512F) >>> 0;
            return edited;
          }),
        ),
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { won: false, surface: 'POLICY' };
    }
  },
});

testRow('B21', {
  'a mode that the image is not for': async (setting) => {
    const modes: Mode[] = MODES.filter((mode) => mode !== setting.mode);
    return mustEnd(await attackOn(guests, setting, () => {}, { manifest: { modes } }));
  },
  'a feature that it was not built for': async (setting) => {
    const features = BigInt(SevStatus.DEBUG_SWAP) >> BigInt(SevStatus.FEATURES_SHIFT);
    return mustEnd(await attackOn(guests, setting, () => {}, { machine: { features } }));
  },
  'without the restricted injection that it needs': async (setting) => {
    const seen = await attackOn(guests, setting, ({ host }) => {
      host.onVmsa((page) => {
        const edited = page.slice();
        view(Vmsa, edited).sevFeatures &= ~RESTRICTED_INJECTION;
        return edited;
      });
    });
    // From its first line on the host could inject what it likes.
    return { won: seen.console.includes('open'), ends: seen.ends };
  },
});

testRow('B22', {
  'an APIC that forgets': async (setting) =>
    mustEnd(
      await attackOn(guests, setting, ({ machine }) => {
        const { answers } = machine.hypervisor;
        const { readMsr } = answers;
        answers.readMsr = (host, index) => {
          const truth = readMsr(host, index);
          return index === SPURIOUS && truth !== undefined ? truth ^ 1n : truth;
        };
      }),
    ),
  'an APIC where the guest’s memory is': async (setting) => {
    const { host, mutation } = setting;
    const trial = new Trial(setting, await guests.image({ host, mutation }));
    const { answers } = trial.machine.hypervisor;
    const { cpuid, readMsr, writeMsr } = answers;
    answers.cpuid = (of, leaf, subleaf) => {
      const truth = cpuid(of, leaf, subleaf);
      if (leaf !== Cpuid.LEAF_FEATURES) return truth;
      return { ...truth, ecx: (truth.ecx & ~Cpuid.ECX_X2APIC) >>> 0 };
    };
    answers.readMsr = (of, index) => {
      const truth = readMsr(of, index);
      return index === APIC_BASE && truth !== undefined ? BigInt(TARGET) | (truth & 0xfffn) : truth;
    };
    answers.writeMsr = (of, index, value) => index === APIC_BASE || writeMsr(of, index, value);
    trial.launch();
    trial.runToLine('open');
    const before = trial.guestPage(TARGET / PAGE);
    const seen = trial.run();
    return { won: !trial.guestPage(TARGET / PAGE).equals(before), ends: seen.ends };
  },
});
