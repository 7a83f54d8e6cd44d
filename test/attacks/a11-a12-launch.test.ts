import { UNMEASURED } from '../../spec/launch.ts';
import { view } from '../../spec/layout.ts';
import { Vmsa } from '../../spec/layouts/vmsa.ts';
import * as SevStatus from '../../spec/sev-status.ts';
import { RBX } from '../../tools/compiler/x86/operand.ts';
import { HostileHost, type HostileScript } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { launchIgvm } from '../../tools/emulator/launch/igvm.ts';
import { createMachine, type DataUpdate, type LaunchedPage } from '../../tools/emulator/machine.ts';
import { UserError } from '../../tools/errors.ts';
import { CODE_GPA, type GuestCode, guestImage, type More } from '../guest.ts';
import { identityFor, igvmIdentity } from '../id-block.ts';
import { type Attack, type Outcome, type Setting, testRow } from './row.ts';
import { HONEST, runOn } from './victim.ts';

/** What the guest comes to if the host has its way. */
const FORGED = 0x6666_7777_8888_9999n;

/** Two pages of the image: the guest goes by the first. */
const RULES = 0xa000;
const OTHER = 0xb000;
const page = (value: bigint) => {
  const bytes = new Uint8Array(PAGE);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
};
const PAGES = new Map([
  [RULES, page(HONEST)],
  [OTHER, page(FORGED)],
]);
const POLICY = 0x3_0000n;

function obey(guest: GuestCode): void {
  guest.load(RBX, RULES);
}

interface Launched {
  readonly digest: string;
  /** What the guest had in RBX when it halted; undefined if it did not. */
  readonly rbx: bigint | undefined;
}

/** Launches a guest, with what `script` makes of that, and runs it to its halt. */
function launch(
  { mode, host, without }: Setting,
  build: (guest: GuestCode) => void,
  script: HostileScript = () => {},
  more: More = { pages: PAGES },
): Launched {
  const machine = createMachine({ mode, host, without, memory: 8 << 20 });
  const hostile = new HostileHost(machine);
  script(hostile);
  launchIgvm(machine, guestImage(mode, build, more));
  const { halted } = runOn(hostile);
  const digest = Buffer.from(machine.launchDigest ?? []).toString('hex');
  return { digest, rbx: halted ? machine.core.state.rbx : undefined };
}

/** Has the guest do the host's will under the digest that its owner waits for. */
function underTheSameDigest(build: (guest: GuestCode) => void, script: HostileScript): Attack {
  return (setting) => {
    const [honest, tampered] = [launch(setting, build), launch(setting, build, script)];
    if (honest.rbx !== HONEST) throw new RangeError('the guest does not do what it should');
    const same = tampered.digest === honest.digest;
    return { won: same && tampered.rbx === FORGED, surface: same ? undefined : 'DIG' };
  };
}

/** Two ways to go, a block of sixteen bytes each; nothing goes the second. Both end in the same run of NOPs. */
function fork(guest: GuestCode): void {
  const { asm } = guest;
  const [first, end] = [asm.label(), asm.label()];
  const nops = (count: number) => asm.bytes(new Uint8Array(count).fill(NOP));
  asm.op('jmp rel32', first);
  nops(BLOCK - asm.size);
  asm.bind(first);
  for (const value of [HONEST, FORGED]) {
    guest.set(RBX, value);
    asm.op('jmp rel32', end);
    nops(1);
  }
  nops(BLOCK);
  asm.bind(end);
  nops(2 * BLOCK);
}
const BLOCK = 16;
const NOP = 0x90;

/** Encrypts the code block by block, in the order of old, the two blocks of {@link fork} in each other's place. */
function exchangeBlocks(updates: readonly DataUpdate[]): DataUpdate[] {
  return updates.flatMap((update) => {
    if (update.gpa !== CODE_GPA) return [update];
    const part = (from: number, to: number, at = from) => {
      return { gpa: CODE_GPA + at, data: update.data.subarray(from, to) };
    };
    return [part(0, 16), part(16, 32, 32), part(32, 48, 16), part(48, PAGE)];
  });
}

function exchangePages(pages: readonly LaunchedPage[]): LaunchedPage[] {
  const [rules, other] = [RULES / PAGE, OTHER / PAGE];
  const places = new Map([
    [rules, other],
    [other, rules],
  ]);
  return pages.map((one) => ({ ...one, gfn: places.get(one.gfn) ?? one.gfn }));
}

testRow('A11', {
  'exchanging two blocks of sixteen bytes': underTheSameDigest(fork, (host) =>
    host.onUpdates(exchangeBlocks),
  ),
  'exchanging two pages': underTheSameDigest(obey, (host) => host.onLaunch(exchangePages)),
});

/** The guest runs, or where it is measured, runs under the digest that its owner waits for. */
function tampered(script: HostileScript, wanted = FORGED): Attack {
  return (setting) => {
    const [before, after] = [launch(setting, obey), launch(setting, obey, script)];
    const same = after.digest === before.digest || setting.mode !== 'snp';
    return { won: same && after.rbx === wanted, surface: same ? undefined : 'DIG' };
  };
}

const at = (gpa: number, change: (page: LaunchedPage) => LaunchedPage[], wanted = FORGED) =>
  tampered(
    (host) =>
      host.onLaunch((pages) =>
        pages.flatMap((one) => (one.gfn === gpa / PAGE ? change(one) : [one])),
      ),
    wanted,
  );

/** DEBUG_SWAP in SEV_FEATURES, for which the guest never asked. */
const SWAP = BigInt(SevStatus.DEBUG_SWAP) >> BigInt(SevStatus.FEATURES_SHIFT);

/** The image comes with an ID block; the host launches something else. */
function againstIdentity(setting: Setting): ReturnType<Attack> {
  const { digest } = launch(setting, obey);
  const signed = identityFor({ digest: Buffer.from(digest, 'hex'), policy: POLICY });
  const more = { pages: PAGES, identity: igvmIdentity(signed) };
  if (launch(setting, obey, undefined, more).rbx !== HONEST) {
    throw new RangeError('the guest does not fit its own ID block');
  }
  try {
    const { rbx } = launch(setting, obey, (host) => host.onLaunch(exchangePages), more);
    return { won: rbx === FORGED };
  } catch (error) {
    const refused = error instanceof UserError && error.message.includes('BAD_MEASUREMENT');
    return { won: false, surface: refused ? 'IDB' : undefined };
  }
}

/** The guest is to forget its rules once it went by them: the host has it run so far before its launch is finished. */
function runEarly(setting: Setting): Outcome {
  const once = (guest: GuestCode) => {
    guest.load(RBX, RULES);
    guest.store(RULES, FORGED);
    guest.halt();
    guest.load(RBX, RULES);
  };
  let surface: Outcome['surface'];
  const honest = launch(setting, once);
  const early = launch(setting, once, (host) => {
    host.beforeLaunchFinish(() => {
      host.switchVcpu(host.machine.vmsaFrames[0] ?? -1);
      surface = runOn(host).surface;
    });
  });
  if (honest.rbx !== HONEST) throw new RangeError('the guest does not do what it should');
  return { won: early.digest === honest.digest && early.rbx === FORGED, surface };
}

testRow('A12', {
  'changing a page': at(RULES, (one) => [{ ...one, data: page(FORGED) }]),
  'adding a page': tampered((host) => {
    host.onLaunch((pages) => [
      ...pages,
      { gfn: 0xc, data: page(FORGED), type: pages[0]?.type ?? 'shared' },
    ]);
  }, HONEST),
  'leaving a page out': at(OTHER, () => [], HONEST),
  'launching a page elsewhere': at(OTHER, (one) => [{ ...one, gfn: 0xc }], HONEST),
  'launching a page without measuring it': at(RULES, (one) => [
    { ...one, data: page(FORGED), type: UNMEASURED },
  ]),
  'setting other SEV_FEATURES': tampered(
    (host) =>
      host.onVmsa((vmsa) => {
        view(Vmsa, vmsa).sevFeatures |= SWAP;
        return vmsa;
      }),
    HONEST,
  ),
  'launching a vCPU more': tampered((host) => host.addVcpus((first) => [first]), HONEST),
  'launching something else than its ID block says': againstIdentity,
  'running the guest before its launch is finished': runEarly,
});
