/**
 * The guests that the B rows are made on: images of the fixtures' programs with the kernel as it is, or
 * without the check that a control takes away. Each kernel is compiled once for a test file.
 */
import { join } from 'node:path';
import type { HostName } from '../../tools/emulator/hypervisor/host-profile.ts';
import { type BuiltKernel, buildImage } from '../../tools/image/build.ts';
import type { Manifest } from '../../tools/image/manifest.ts';
import { root } from '../../tools/root.ts';
import { testKernel, withReplacements } from '../kernel-image.ts';
import { type Mutation, replacementsOf } from './mutations.ts';

/** An image: whose kernel, and which program in it. */
export interface Guest {
  readonly host: HostName;
  readonly mutation: Mutation | undefined;
  /** The kernel's entry; what stands for the kernel in a test has its own. */
  readonly entry?: string;
  readonly manifest?: Partial<Manifest>;
}

const VICTIM: Manifest = {
  folder: join(root, 'test/fixtures/attacks'),
  name: 'victim',
  program: 'victim.ts',
  args: [],
  env: {},
  modes: ['none', 'sev', 'sev-es', 'snp'],
  host: 'kvm',
  memory: 0x20_0000,
  imports: ['wasi_snapshot_preview1.*', 'tacit.*'],
  drivers: [],
};

/** Makes images, each once. */
export class Guests {
  readonly #kernels = new Map<string, Promise<BuiltKernel>>();
  readonly #images = new Map<string, Promise<Uint8Array>>();

  /** The IGVM file of `guest`. */
  image(guest: Guest): Promise<Uint8Array> {
    const name = JSON.stringify(guest);
    const known = this.#images.get(name);
    if (known) return known;
    const made = this.#make(guest);
    this.#images.set(name, made);
    return made;
  }

  async #make({ host, mutation, entry = 'kernel/main.ts', manifest }: Guest): Promise<Uint8Array> {
    const sources = withReplacements(mutation === undefined ? [] : replacementsOf(mutation));
    const name = JSON.stringify([entry, ...sources]);
    const kernel = this.#kernels.get(name) ?? testKernel(entry, sources);
    this.#kernels.set(name, kernel);
    const { igvm } = await buildImage({ ...VICTIM, host, ...manifest }, { kernel: await kernel });
    return igvm;
  }
}
