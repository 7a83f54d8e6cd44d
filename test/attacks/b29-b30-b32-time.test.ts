import * as Cpuid from '../../spec/cpuid.ts';
import * as Exit from '../../spec/exit.ts';
import * as Event from '../../spec/ghcb-event.ts';
import { TERMINATE_REQUEST } from '../../spec/ghcb-msr.ts';
import { view } from '../../spec/layout.ts';
import { CpuidFunction, CpuidPage } from '../../spec/layouts/cpuid-page.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import type { CpuidRegisters } from '../../tools/emulator/cpuid/model.ts';
import { Guests } from './guests.ts';
import { type Setting, testRow } from './row.ts';
import { attackOn, attackOnBatches, mustEnd, mustGoOn, Trial } from './trial.ts';

const guests = new Guests();
const SECURE_TSC = BigInt(SevStatus.SECURE_TSC) >> BigInt(SevStatus.FEATURES_SHIFT);
/** Ticks of the machine's clock that the victim sleeps, each of two times. */
const NAP = 500_000n;
/** How many times slower the host says that the clock is. */
const SLOWER = 1000;

function slowed(leaf: number, { eax, ...rest }: CpuidRegisters): CpuidRegisters {
  return { eax: leaf === Cpuid.LEAF_FREQUENCIES ? eax / SLOWER : eax, ...rest };
}

/** The time that passed while the victim slept twice, and what came of it. */
async function sleeping(setting: Setting, features: bigint, meddle: (trial: Trial) => void) {
  const time = { began: 0n, slept: 0n };
  const seen = await attackOn(
    guests,
    setting,
    (trial) => {
      const { core } = trial.machine;
      const now = () => BigInt(core.instructions) + core.control.timeSkipped;
      trial.once('open', () => {
        time.began = now();
        trial.once('closed', () => {
          time.slept = now() - time.began;
        });
      });
      meddle(trial);
    },
    { machine: { features } },
  );
  return { seen, slept: time.slept };
}

/** SNP guests have a secure time stamp counter. */
const featuresOf = ({ mode }: Setting) => (mode === 'snp' ? SECURE_TSC : 0n);

testRow('B29', {
  'a clock that is said to be slower than it is': async (setting) => {
    const { seen, slept } = await sleeping(setting, featuresOf(setting), ({ host, machine }) => {
      const { answers } = machine.hypervisor;
      const { cpuid } = answers;
      answers.cpuid = (of, leaf, subleaf) => slowed(leaf, cpuid(of, leaf, subleaf));
      host.onCpuidPage((page) => {
        const edited = page.slice();
        const { count, functions } = view(CpuidPage, edited);
        for (let i = 0; i < count; i++) {
          if (functions[i]?.eaxIn !== Cpuid.LEAF_FREQUENCIES) continue;
          const at = CpuidPage.fields.functions.offset + i * CpuidFunction.size;
          const entry = view(CpuidFunction, edited, at);
          Object.assign(entry, slowed(Cpuid.LEAF_FREQUENCIES, entry));
        }
        return edited;
      });
    });
    return { won: seen.wentOn && slept < 2n * NAP, ends: seen.ends };
  },
  'a clock that jumps ahead': async (setting) => {
    const { seen, slept } = await sleeping(setting, featuresOf(setting), (trial) => {
      // The guest goes on at once: by its clock it has slept.
      trial.host.onExit(Exit.HLT, () => {
        trial.machine.core.state.tscOffset += NAP;
      });
    });
    return { won: seen.wentOn && slept < 2n * NAP, ends: seen.ends };
  },
  'a clock that goes back': async (setting) => {
    const seen = await attackOn(guests, setting, (trial) => {
      trial.once('awake', () => {
        trial.machine.core.state.tscOffset -= NAP / 4n;
      });
    });
    return mustGoOn(seen);
  },
  'RDTSC intercepted': async (setting) => {
    const { host, mutation } = setting;
    const entry = 'test/fixtures/served-kernel.ts';
    const image = await guests.image({ host, mutation, entry });
    const trial = new Trial(setting, image, { features: SECURE_TSC });
    const { core, ports, hypervisor } = trial.machine;
    const device = { name: 'test', width: 4, read: () => 0, write: () => {} } as const;
    for (const port of [0x500, 0x510]) ports.add(port, 1, device);
    core.control.intercept3 |= 1 << (Exit.RDTSC % 32);
    hypervisor.answers.events.set(Exit.RDPMC, { needs: () => [], answer: () => {} });
    trial.launch();
    let asked = 0;
    trial.host.onEvent(Exit.RDTSC, (_request, honest) => {
      asked++;
      honest();
    });
    const seen = trial.run();
    return { won: asked > 0, ends: seen.ends };
  },
});

testRow('B30', {
  'zero for ever': async (setting) => {
    const seen = await attackOn(guests, setting, (trial) => {
      trial.once('open', () => trial.host.breakRandom(0n));
    });
    return { won: seen.ends === 'unharmed', ends: seen.ends };
  },
  'one number for ever': async (setting) => {
    const seen = await attackOn(guests, setting, (trial) => {
      trial.once('open', () => trial.host.breakRandom(0x1234_5678_9abc_def0n));
    });
    return { won: seen.ends === 'unharmed', ends: seen.ends };
  },
  'none at all': async (setting) =>
    mustEnd(
      await attackOn(guests, setting, (trial) => {
        trial.once('open', () => trial.host.withholdRandom(true));
      }),
    ),
});

testRow('B32', {
  'nothing done at a page-state change, for ever': async (setting) => {
    const seen = await attackOnBatches(guests, setting, ({ host }) =>
      host.stopPageStateChangesAfter(0),
    );
    return { won: seen.ends === 'limit', ends: seen.ends };
  },
  'woken without end': async (setting) => {
    let wakes = 0;
    const seen = await attackOn(guests, setting, ({ host }) => {
      host.onExit(Exit.HLT, (_exit, honest) => {
        // One that halts for good is let be.
        if (++wakes > 10_000) honest();
      });
    });
    return mustGoOn(seen);
  },
  'going on after the end': async (setting) => {
    let ends = 0;
    let others = 0;
    const seen = await attackOn(guests, setting, (trial) => {
      trial.once('open', () => trial.host.withholdRandom(true));
      trial.host.onRequest(TERMINATE_REQUEST, (_request, honest) => {
        if (++ends >= 50) honest();
        return undefined;
      });
      trial.host.onExit(Exit.HLT, (_exit, honest) => {
        if (ends === 0) honest();
      });
      for (const code of [Exit.IOIO, Exit.MSR, Event.PAGE_STATE_CHANGE]) {
        trial.host.onEvent(code, (_request, honest) => {
          if (ends > 0) others++;
          honest();
        });
      }
    });
    return { won: others > 0, ends: seen.ends };
  },
});
