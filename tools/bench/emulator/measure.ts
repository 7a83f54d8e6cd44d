import { runOnBochs, runOnOurs, runOnQemu, type Timing } from './engines.ts';
import { benchImage } from './image.ts';
import { PROGRAMS } from './programs.ts';

/** Millions of guest instructions per second of one program, on each engine that is installed. */
export interface EmulatorRow {
  readonly program: string;
  readonly instructions: number;
  readonly emulatorMips: number;
  readonly bochsMips: number | undefined;
  readonly qemuMips: number | undefined;
}

/**
 * Times the programs on our core, Bochs and QEMU, one after the other on the same bytes. Throws if an
 * engine's checksum differs from ours. `buildCore` must have run.
 */
export async function measureEmulators(): Promise<EmulatorRow[]> {
  const image = benchImage();
  // The first run is V8's to compile in.
  runOnOurs(image);
  const ours = runOnOurs(image);
  const bochs = await runOnBochs(image, PROGRAMS.length);
  const qemu = await runOnQemu(image, PROGRAMS.length);
  return PROGRAMS.map(({ letter, name }, i) => {
    const mine = ours[i];
    if (!mine?.instructions) throw new Error(`${name} did not run`);
    const { instructions } = mine;
    const mips = (engine: string, timings: readonly Timing[] | undefined) => {
      const timing = timings?.find((one) => one.letter === letter);
      if (!timing) return undefined;
      if (timing.checksum !== mine.checksum) {
        throw new Error(`${name}: ${engine} has ${timing.checksum}, we have ${mine.checksum}`);
      }
      return instructions / timing.seconds / 1e6;
    };
    return {
      program: name,
      instructions,
      emulatorMips: instructions / mine.seconds / 1e6,
      bochsMips: mips('Bochs', bochs),
      qemuMips: mips('QEMU', qemu),
    };
  });
}

/** Geometric mean of how many times as fast as `other` our core is; undefined if that did not run. */
export function speedup(
  rows: readonly EmulatorRow[],
  other: 'bochsMips' | 'qemuMips',
): number | undefined {
  const ratios = rows.map((row) => row.emulatorMips / (row[other] ?? Number.NaN));
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  return Number.isNaN(mean) ? undefined : mean;
}
