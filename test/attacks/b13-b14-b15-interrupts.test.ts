import * as Reason from '../../spec/abi/termination.ts';
import * as Apic from '../../spec/apic.ts';
import * as Doorbell from '../../spec/doorbell.ts';
import { X2APIC } from '../../spec/msr.ts';
import { Guests } from './guests.ts';
import { type Attack, type Outcome, type Setting, testRow } from './row.ts';
import { attackOn, mustEnd, mustGoOn, mustNotice, Trial, together, withSurface } from './trial.ts';

const guests = new Guests();
const TIMER = 0x40;
const SPURIOUS = 0xff;
const HV = 28;
/** Where in the program's run vectors are tried: instructions after its first line. */
const PLACES = [400, 20_011];
const INITIAL_COUNT = X2APIC + (Apic.INITIAL_COUNT >> 4);

async function running(setting: Setting): Promise<Trial> {
  const { host, mutation } = setting;
  const trial = new Trial(setting, await guests.image({ host, mutation }));
  trial.launch();
  trial.runToLine('open');
  return trial;
}

/** Injects each of `vectors` at each of the places, each time into the same guest. */
async function sweep(setting: Setting, vectors: readonly number[]): Promise<Outcome[]> {
  const trial = await running(setting);
  const back = trial.mark();
  return PLACES.flatMap((place) => {
    back();
    trial.host.runTo(trial.host.instructions + place);
    const there = trial.mark();
    return vectors.map((vector) => {
      there();
      trial.inject({ vector });
      return withSurface(mustEnd(trial.run(2_000_000)));
    });
  });
}

testRow('B13', {
  'each vector that nobody asked for': async (setting) => {
    const vectors = Array.from({ length: 256 }, (_, vector) => vector);
    const outcomes = await sweep(
      setting,
      // A host with restricted injection may always say #HV.
      vectors.filter((vector) => ![TIMER, SPURIOUS, HV].includes(vector)),
    );
    const named = outcomes.every(({ ends = '' }) => ends in Reason);
    return { ...together(outcomes), ...(named && { ends: 'a reason for each' }) };
  },
});

testRow('B15', {
  'the timer’s vector where interrupts are off': async (setting) =>
    together(await sweep(setting, [TIMER])),
  'a timer that is early': async (setting) => {
    const seen = await attackOn(guests, setting, ({ machine }) => {
      const { answers } = machine.hypervisor;
      const { writeMsr } = answers;
      let early = 0;
      answers.writeMsr = (host, index, value) => {
        const sooner =
          index === INITIAL_COUNT && value > 1000n && value < 0xf000_0000n && early++ < 20;
        return writeMsr(host, index, sooner ? 100n : value);
      };
    });
    return mustGoOn(seen);
  },
});

/** Puts `word` into the doorbell page of the running guest, and signals. */
function withDoorbell(word: number): Attack {
  return async (setting) => {
    const trial = await running(setting);
    const { interrupts } = trial.machine.hypervisor;
    trial.host.runTo(trial.host.instructions + (PLACES[0] ?? 0));
    trial.host.writeGuest(interrupts.doorbell ?? 0n, Uint8Array.of(word & 0xff, word >> 8));
    trial.inject({ vector: HV, type: 'exception' });
    return mustNotice(trial.run());
  };
}

testRow('B14', {
  'an exception’s vector': withDoorbell(14),
  'a vector that nobody asked for': withDoorbell(0x80),
  'a non-maskable interrupt': withDoorbell(Doorbell.NMI),
  'a machine check': withDoorbell(Doorbell.MACHINE_CHECK),
  'a new event whenever one is taken': async (setting) => {
    const trial = await running(setting);
    const page = trial.machine.hypervisor.interrupts.doorbell ?? 0n;
    trial.host.onAccess(page, ({ gpa, write }) => {
      if (gpa === page && !write) trial.host.writeGuest(page, Uint8Array.of(TIMER));
    });
    const seen = trial.run(5_000_000);
    return { won: seen.ends === 'limit' || seen.leaks.length > 0, ends: seen.ends };
  },
});
