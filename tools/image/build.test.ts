import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../root.ts';
import { buildImage, buildKernel } from './build.ts';
import { type Manifest, parseManifest, readManifest } from './manifest.ts';

const luggage = join(root, 'examples/luggage');
const KIB = 1024;

const folder = mkdtempSync(join(tmpdir(), 'tacit-build-'));
const kernel = await buildKernel();
const built = await buildImage(readManifest(join(luggage, 'tacit.json')), { kernel });
afterAll(() => rmSync(folder, { recursive: true }));

/** A manifest in a folder of its own, whose program is the text `program`. */
function manifest(program: string, fields: Partial<Manifest> = {}): Manifest {
  writeFileSync(join(folder, 'program.ts'), program);
  const text = JSON.stringify({ name: 'made', program: 'program.ts' });
  return { ...parseManifest(text, folder, 'tacit.json'), ...fields };
}

describe('buildImage', () => {
  it('gives the same bytes when the program lies elsewhere', async () => {
    cpSync(luggage, join(folder, 'elsewhere'), { recursive: true });
    const again = await buildImage(readManifest(join(folder, 'elsewhere/tacit.json')));
    expect(Buffer.from(again.elf).equals(built.elf)).toBe(true);
    expect(Buffer.from(again.igvm).equals(built.igvm)).toBe(true);
    expect(again.map).toBe(built.map);
  });

  it('puts no path of the machine into the image', () => {
    for (const file of [built.elf, built.igvm]) {
      expect(Buffer.from(file).includes('luggage.ts\0')).toBe(true);
      expect(Buffer.from(file).includes(root)).toBe(false);
    }
    expect(built.map).not.toContain(root);
  });

  it('keeps luggage under 256 KiB', () => {
    expect(built.elf.length).toBeLessThan(256 * KIB);
  });

  it('gives another digest for another host, mode or argument', async () => {
    const text = 'let n = 0; n++;';
    const digestOf = async (fields: Partial<Manifest>) =>
      Buffer.from((await buildImage(manifest(text, fields), { kernel })).launchDigest).toString(
        'hex',
      );
    const digests = [
      await digestOf({}),
      await digestOf({ host: 'hv' }),
      await digestOf({ modes: ['none'] }),
      await digestOf({ args: ['x'] }),
    ];
    expect(new Set(digests).size).toBe(4);
  });

  it('refuses an import that the manifest does not grant, by name', async () => {
    const { imports, ...rest } = readManifest(join(luggage, 'tacit.json'));
    const fewer = imports.filter((name) => !name.endsWith('fd_write'));
    await expect(buildImage({ ...rest, imports: fewer }, { kernel })).rejects.toThrow(
      'unlinkable: luggage imports wasi_snapshot_preview1.fd_write, which the manifest does not grant',
    );
  });

  it('refuses a driver that does not exist', async () => {
    await expect(buildImage(manifest('', { drivers: ['net'] }), { kernel })).rejects.toThrow(
      'driver net: there is no such driver',
    );
  });

  it('refuses a program that is not there, or is no module', async () => {
    const missing = manifest('', { program: 'missing.wasm' });
    await expect(buildImage(missing, { kernel })).rejects.toThrow('missing.wasm: cannot be read');
    writeFileSync(join(folder, 'bad.wasm'), 'no module');
    await expect(buildImage(manifest('', { program: 'bad.wasm' }), { kernel })).rejects.toThrow(
      /^malformed: /,
    );
  });
});
