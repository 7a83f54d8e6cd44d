import { SWAP_DATA } from '../../spec/launch.ts';
import * as Status from '../../spec/psp-status.ts';
import { RBX } from '../../tools/compiler/x86/operand.ts';
import type { HostileHost } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';
import { rmpUpdate } from '../../tools/emulator/hypervisor/rmp.ts';
import { canaryBytes } from './canary.ts';
import { type Outcome, type Setting, testRow } from './row.ts';
import type { Surface } from './verdict.ts';
import { accept, attackMemory, attempt, boot, CELL, expectHalt, runOn, SECRET } from './victim.ts';

const FIRMWARE = { assigned: true, huge: false, immutable: true, asid: 0, gfn: 0 };

/** The AMD-SP in the hands of a host that swaps the guest's page CELL. */
class Swapper {
  readonly #host: HostileHost;
  readonly #context: number;
  readonly #metadata: number;
  readonly frame: number;

  constructor(host: HostileHost) {
    this.#host = host;
    const { hypervisor, memory, psp } = host.machine;
    this.#context = hypervisor.guestContext ?? -1;
    this.frame = memory.frameOf(CELL / PAGE) ?? -1;
    this.#metadata = this.firmwarePage();
    expectSuccess(psp.metadataInit(this.#context, this.#metadata));
  }

  /** A page that the AMD-SP can write to. */
  firmwarePage(): number {
    const { memory, core } = this.#host.machine;
    const frame = memory.allocateFrame();
    rmpUpdate(core.frames, frame, FIRMWARE);
    return frame;
  }

  /** Swaps the page out; the copy. `entry`: which metadata entry remembers it. */
  out(entry: number): number {
    const { core, psp, asid } = this.#host.machine;
    const target = this.firmwarePage();
    const gfn = CELL / PAGE;
    const own = { assigned: true, huge: false, immutable: true, asid, gfn };
    expectSuccess(rmpUpdate(core.frames, this.frame, own));
    expectSuccess(psp.swapOut(this.#command(entry, this.frame, target)));
    return target;
  }

  /** Swaps a copy in, for the guest to go on with; what the AMD-SP says to that. */
  in(entry: number, source: number, frame = this.frame): number {
    const { psp } = this.#host.machine;
    const status = psp.swapIn(this.#command(entry, source, frame));
    if (status === Status.SUCCESS) expectSuccess(psp.pageReclaim(frame));
    return status;
  }

  #command(entry: number, source: number, target: number) {
    const metadata = this.#metadata * PAGE + entry * 64;
    return { context: this.#context, source, target, metadata, type: SWAP_DATA };
  }
}

function expectSuccess(status: number): void {
  if (status !== Status.SUCCESS) throw new RangeError(`status 0x${status.toString(16)}`);
}

const SURFACES: ReadonlyMap<number, Surface> = new Map([
  [Status.INVALID_MDATA_ENTRY, 'MDATA'],
  [Status.BAD_MEASUREMENT, 'AEAD'],
  [Status.POLICY_FAILURE, 'POLICY'],
]);

/** A guest that counts in CELL, halted at 1, and the AMD-SP with its page. */
function counting(setting: Setting): { readonly host: HostileHost; readonly swapper: Swapper } {
  const host = boot(setting, (guest) => {
    accept(guest, setting, CELL);
    guest.store(CELL, 1);
    guest.halt();
    guest.store(CELL, 2);
    guest.halt();
    guest.load(RBX, CELL);
  });
  expectHalt(host);
  return { host, swapper: new Swapper(host) };
}

/** The page is swapped at 1, and again at 2: then the host brings back the copy of 1, as `entry` says. */
function bringBack(setting: Setting, entry: number): Outcome {
  const { host, swapper } = counting(setting);
  const old = swapper.out(0);
  expectSuccess(swapper.in(0, old));
  expectHalt(host);
  swapper.out(1);
  const status = swapper.in(entry, old);
  if (status !== Status.SUCCESS) return { won: false, surface: SURFACES.get(status) };
  const { halted } = runOn(host);
  return { won: halted && host.machine.core.state.rbx !== 2n };
}

/** The page of 1 is brought back into two frames, to choose between. */
function bringTwice(setting: Setting): Outcome {
  const { host, swapper } = counting(setting);
  const { core, memory, asid } = host.machine;
  const old = swapper.out(0);
  expectSuccess(swapper.in(0, old));
  const beside = memory.allocateFrame();
  const own = { assigned: true, huge: false, immutable: true, asid, gfn: CELL / PAGE };
  expectSuccess(rmpUpdate(core.frames, beside, own));
  const status = swapper.in(0, old, beside);
  if (status !== Status.SUCCESS) return { won: false, surface: SURFACES.get(status) };
  expectHalt(host);
  host.remap(CELL / PAGE, beside);
  const { halted } = runOn(host);
  return { won: halted && core.state.rbx === 1n };
}

testRow('A14', {
  'bringing an old copy back by its own entry': (setting) => bringBack(setting, 0),
  'bringing an old copy back by the last entry': (setting) => bringBack(setting, 1),
  'bringing a copy back twice': bringTwice,
});

testRow('A17', {
  'writing by DMA': (setting) =>
    attackMemory(setting, {
      act: (host) => {
        const garbage = new Uint8Array(16).fill(0x5a);
        return attempt(host, () => host.dma(BigInt(CELL), garbage));
      },
      won: ({ seen }) => seen !== undefined,
    }),
});

/** Has the AMD-SP decrypt the page with the canary for the host. */
function decrypt(
  { machine }: HostileHost,
  mode: Setting['mode'],
): { status: number; page: Uint8Array } {
  const { psp, memory, hypervisor, core } = machine;
  const source = memory.frameOf(SECRET / PAGE) ?? -1;
  const target = memory.allocateFrame();
  let status: number = Status.SUCCESS;
  if (mode === 'snp') {
    rmpUpdate(core.frames, target, FIRMWARE);
    status = psp.debugDecrypt(hypervisor.guestContext ?? -1, source, target);
  } else if (mode !== 'none') {
    status = psp.sev.debugDecrypt(source * PAGE, target * PAGE, PAGE);
  }
  return { status, page: memory.read((mode === 'none' ? source : target) * PAGE, PAGE) };
}

testRow('A18', {
  'having a page decrypted for debugging': (setting) => {
    let result: ReturnType<typeof decrypt> = { status: 0, page: new Uint8Array() };
    const { won } = attackMemory(setting, {
      act: (host) => {
        result = decrypt(host, setting.mode);
        return undefined;
      },
      won: () => Buffer.from(result.page).includes(Buffer.from(canaryBytes())),
    });
    return { won, surface: SURFACES.get(result.status) };
  },
});
