import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import * as Event from '../spec/ghcb-event.ts';
import * as Message from '../spec/guest-message.ts';
import { HostileHost } from '../tools/emulator/hostile.ts';
import { launchIgvm } from '../tools/emulator/launch/igvm.ts';
import { createMachine, type Machine, type Snapshot } from '../tools/emulator/machine.ts';
import { buildImage } from '../tools/image/build.ts';
import { root } from '../tools/root.ts';
import { chosenSeed } from './random.ts';

/** Lies to try; `make soak` asks for 100,000. */
const RUNS = Number(process.env.TACIT_PSP_CASES ?? 300);
const seed = chosenSeed();
const LIMIT = 50_000_000;
const EIO = 29;
/** Header and payload of a report's answer. */
const ANSWER = 0x60 + 0x4c0;

/** What the host does to the first message: changes the answer, or makes up what became of it. */
type Lie =
  | { readonly kind: 'edit'; readonly edits: readonly { at: number; mask: number }[] }
  | { readonly kind: 'result'; readonly result: bigint };

const lies: fc.Arbitrary<Lie> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('edit' as const),
      edits: fc.array(fc.record({ at: fc.nat(ANSWER + 63), mask: fc.nat(255) }), { maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('result' as const),
      result: fc.oneof(
        fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
        fc.nat(0x40).map(BigInt),
        fc.nat(4).map((vmm) => BigInt(vmm) << 32n),
      ),
    }),
  },
);

/** Whether the guest looks at the byte: not at the rest of the tag's field, nor at what is reserved before the part that is authenticated. */
function matters(at: number): boolean {
  return at < 16 || (at >= 0x20 && at < 0x28) || (at >= 0x30 && at < ANSWER);
}

function expected(lie: Lie): number {
  if (lie.kind === 'result') return Number(lie.result >> 32n) === Message.VMM_BUSY ? 0 : EIO;
  const changes = new Map<number, number>();
  for (const { at, mask } of lie.edits) changes.set(at, (changes.get(at) ?? 0) ^ mask);
  return [...changes].some(([at, mask]) => mask !== 0 && matters(at)) ? EIO : 0;
}

let machine: Machine;
let host: HostileHost;
let before: Snapshot;
let lie: Lie | undefined;
/** Ciphertexts by their sequence number. */
const sent = new Map<bigint, Set<string>>();

beforeAll(async () => {
  const image = await buildImage({
    folder: join(root, 'test/fixtures/attest'),
    name: 'twice',
    program: 'twice.ts',
    args: [],
    env: {},
    modes: ['snp'],
    host: 'kvm',
    memory: 0x10_0000,
    imports: ['tacit.report', 'wasi_snapshot_preview1.proc_exit'],
    drivers: [],
  });
  machine = createMachine({ mode: 'snp', memory: 0x80_0000 });
  host = new HostileHost(machine);
  launchIgvm(machine, image.igvm);
  const start = machine.snapshot();
  let first = 0;
  host.onEvent(Event.GUEST_REQUEST, (request, honest) => {
    first ||= host.instructions;
    const page = host.readGuest(request.info1, 4096) ?? new Uint8Array();
    const sequence = new DataView(page.buffer, page.byteOffset).getBigUint64(0x20, true);
    const texts = sent.get(sequence) ?? new Set();
    sent.set(sequence, texts.add(Buffer.from(page).toString('hex')));
    const done = lie;
    lie = undefined;
    if (done?.kind === 'result') return request.succeed(done.result);
    const edits = done?.edits ?? [];
    host.onPspResponse(({ status, page: answer }) => {
      const bytes = answer.slice();
      for (const { at, mask } of edits) bytes[at] = (bytes[at] ?? 0) ^ mask;
      return { status, page: bytes };
    });
    honest();
  });
  machine.hypervisor.run(LIMIT);
  machine.restore(start);
  // Right before the first message goes out.
  host.at(first - 1, () => {
    before = machine.snapshot();
  });
  expect(machine.hypervisor.run(LIMIT)).toEqual({ kind: 'exit', code: 0 });
}, 60_000);

const title = `is not moved by ${RUNS} lies about the AMD-SP's answer to anything but silence (B24, B25)`;
it(`${title}, TACIT_SEED=${seed}`, () => {
  const property = fc.property(lies, (chosen) => {
    machine.restore(before);
    sent.clear();
    lie = chosen;
    const termination = machine.hypervisor.run(LIMIT);
    expect(termination).toEqual({ kind: 'exit', code: expected(chosen) });
    // A nonce is that of one ciphertext, however often it goes out.
    for (const texts of sent.values()) expect(texts.size).toBe(1);
  });
  fc.assert(property, { seed: seed | 0, numRuns: RUNS });
}, 0);
