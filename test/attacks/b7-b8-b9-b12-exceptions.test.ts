import * as Exit from '../../spec/exit.ts';
import * as Ghcb from '../../spec/ghcb.ts';
import { CANARY, canaryBytes } from './canary.ts';
import { Guests } from './guests.ts';
import { type Attack, type Outcome, type Setting, testRow } from './row.ts';
import { mustEnd, Trial, together, withSurface } from './trial.ts';

const guests = new Guests();
const VC = 29;
/** Instructions between two places where the attack is tried, and how many of them. */
const STRIDE = 9_973;
const PLACES = 8;
/** The exit codes that a handler may know. */
const CODES = [
  ...[Exit.CPUID, Exit.IOIO, Exit.MSR, Exit.RDTSC, Exit.RDTSCP, Exit.RDPMC, Exit.WBINVD],
  ...[Exit.INVD, Exit.MONITOR, Exit.MWAIT, Exit.DR7_READ, Exit.DR7_WRITE, Exit.VMMCALL],
];

/** The victim, while its program runs. */
async function running(setting: Setting): Promise<Trial> {
  const { host, mutation } = setting;
  const trial = new Trial(setting, await guests.image({ host, mutation }));
  trial.secrets.push(Buffer.from(canaryBytes()));
  trial.launch();
  trial.runToLine('open');
  return trial;
}

/** A #VC that the host makes up, as WeSee has it: VMRUN refuses the vector as an exception. */
function wesee(trial: Trial, code: number): void {
  trial.inject({ vector: VC, errorCode: code });
}

/** Has the registers hold the canary, and the guest take a #VC for `code`. */
function lookAtRegisters(trial: Trial, code: number): Outcome {
  trial.fillRegisters(CANARY);
  wesee(trial, code);
  return withSurface(mustEnd(trial.run(1_000_000)));
}

const whileItRuns: Attack = async (setting) => {
  const trial = await running(setting);
  const back = trial.mark();
  const outcomes: Outcome[] = [];
  for (let i = 1; i <= PLACES; i++) {
    back();
    trial.host.runTo(trial.host.instructions + i * STRIDE);
    outcomes.push(lookAtRegisters(trial, Exit.VMMCALL));
  }
  return together(outcomes);
};

testRow('B7', { 'as for VMMCALL, while the program runs': whileItRuns });

testRow('B8', { 'with a canary in each general register': whileItRuns });

/** An instruction that raised #VC: where it is, for what, and how far the guest had come, or a little less. */
interface Raised {
  readonly rip: bigint;
  readonly code: number;
  readonly before: number;
}

/** The kernel that executes each instruction of which a #VC is served, on a host that intercepts them. */
async function served(
  setting: Setting,
  onVc: (rip: bigint, code: number) => void = () => {},
): Promise<Trial> {
  const { host, mutation } = setting;
  const entry = 'test/fixtures/served-kernel.ts';
  const image = await guests.image({ host, mutation, entry });
  const trial = new Trial(setting, image, { onVc });
  const { machine } = trial;
  const device = { name: 'test', width: 4, read: () => 0, write: () => {} } as const;
  for (const port of [0x500, 0x510]) machine.ports.add(port, 1, device);
  machine.core.control.intercept3 |= 1 << (Exit.RDTSC % 32);
  machine.core.control.intercept4 |= 1 << (Exit.RDTSCP % 32);
  machine.hypervisor.answers.events.set(Exit.RDPMC, {
    needs: () => [Ghcb.VALID_RCX],
    answer: (_, request) => {
      request.set(Ghcb.VALID_RAX, 0n);
      request.set(Ghcb.VALID_RDX, 0n);
    },
  });
  trial.secrets.push(Buffer.from(canaryBytes()));
  trial.launch();
  return trial;
}

/** Each instruction of the served kernel's that raises #VC, once. */
async function raisers(setting: Setting): Promise<Raised[]> {
  const found: Raised[] = [];
  const trial = await served(setting, (rip, code) => {
    // The instructions of a block are counted when it is left.
    const before = trial.machine.core.instructions;
    if (found.every((other) => other.rip !== rip)) found.push({ rip, code, before });
  });
  trial.run();
  return found;
}

/** Does `attack` at each instruction that raises #VC, before it is executed. */
async function atEachRaiser(
  setting: Setting,
  attack: (trial: Trial, code: number, back: () => void) => Outcome[],
): Promise<Outcome> {
  const found = await raisers(setting);
  const trial = await served(setting);
  const outcomes: Outcome[] = [];
  for (const { rip, code, before } of found) {
    trial.host.runTo(before);
    trial.stepUntil(() => trial.host.rip === rip);
    const back = trial.mark();
    outcomes.push(...attack(trial, code, back));
    back();
  }
  return together(outcomes);
}

testRow('B9', {
  'each other code at each instruction that raises one': (setting) =>
    atEachRaiser(setting, (trial, honest, back) =>
      CODES.filter((code) => code !== honest).map((code) => {
        back();
        wesee(trial, code);
        return mustEnd(trial.run(1_000_000));
      }),
    ),
});

testRow('B12', {
  'while another is served': (setting) =>
    atEachRaiser(setting, (trial, _code, back) =>
      [90, 140].map((steps) => {
        back();
        trial.host.runTo(trial.host.instructions + steps);
        return lookAtRegisters(trial, Exit.VMMCALL);
      }),
    ),
  'in the middle of a request': async (setting) => {
    const trial = await running(setting);
    const ghcb = trial.machine.vcpu.ghcb;
    let touched = 0;
    trial.host.onAccess(ghcb, () => {
      touched++;
    });
    const scout = trial.mark();
    scout();
    const outcomes: Outcome[] = [];
    for (const wanted of [1, 3, 5, 8]) {
      scout();
      touched = 0;
      trial.stepUntil(() => touched >= wanted);
      outcomes.push(lookAtRegisters(trial, Exit.VMMCALL));
    }
    return together(outcomes);
  },
});
