import { formatTable } from '../inspect/table.ts';
import { measureBoot, measureBuild } from './boot.ts';
import { type EmulatorRow, measureEmulators, speedup } from './emulator/measure.ts';
import { measureGuests } from './guest/measure.ts';
import { reportGuests } from './guest/report.ts';

/** `make bench`: how long a build takes, how large an image is, what the guest costs, how fast the machine runs. */
async function main(): Promise<void> {
  const build = measureBuild();
  console.log(`build of luggage: ${build.seconds.toFixed(2)} s`);
  for (const [name, bytes] of build.images) {
    console.log(`${name}: ${bytes} bytes (${(bytes / 1024).toFixed(1)} KiB)`);
  }
  console.log(`\n${boots()}`);
  console.log(`\n${reportGuests(await measureGuests())}`);
  console.log(`\n${emulators(await measureEmulators())}`);
}

function boots(): string {
  const rows = ['none', 'sev', 'sev-es', 'snp'].map((mode) => {
    const { instructions, seconds, toFirstLine } = measureBoot(mode);
    return [
      mode,
      String(instructions),
      (seconds * 1000).toFixed(0),
      formatMips(instructions / seconds / 1e6),
      String(toFirstLine),
    ];
  });
  const head = ['BOOT', 'INSTRUCTIONS', 'MS', 'MIPS', "UNTIL THE PROGRAM'S FIRST LINE"];
  return formatTable(head, ['left', 'right', 'right', 'right', 'right'], rows);
}

/** Guests of one loop each, on our machine and, where they are installed, on others. */
function emulators(measured: readonly EmulatorRow[]): string {
  const rows = measured.map(({ program, emulatorMips, bochsMips, qemuMips }) => [
    program,
    formatMips(emulatorMips),
    formatMips(bochsMips),
    formatMips(qemuMips),
  ]);
  const head = ['LOOP, MIPS OF', 'OURS', 'BOCHS', 'QEMU TCG'];
  const table = formatTable(head, ['left', 'right', 'right', 'right'], rows);
  const mean = (name: string, other: 'bochsMips' | 'qemuMips') => {
    const factor = speedup(measured, other);
    return factor === undefined
      ? `${name} is not installed`
      : `ours is ${factor.toFixed(2)} times as fast as ${name} (geometric mean)`;
  };
  return [table, '', mean('Bochs', 'bochsMips'), mean('QEMU TCG', 'qemuMips')].join('\n');
}

function formatMips(mips: number | undefined): string {
  return mips === undefined ? '–' : mips.toFixed(1);
}

await main();
