import { formatTable } from '../inspect/table.ts';
import { measureBoot, measureBuild } from './boot.ts';

/** `make bench`: how long a build takes, how large the image is, how fast it boots. */
function main(): void {
  const build = measureBuild();
  console.log(`build of luggage: ${build.seconds.toFixed(2)} s`);
  for (const [name, bytes] of build.images) {
    console.log(`${name}: ${bytes} bytes (${(bytes / 1024).toFixed(1)} KiB)`);
  }
  const boots = ['none', 'sev', 'sev-es', 'snp'].map(measureBoot);
  const rows = boots.map(({ mode, instructions, seconds, toFirstLine }) => [
    mode,
    String(instructions),
    (seconds * 1000).toFixed(1),
    (instructions / seconds / 1e6).toFixed(1),
    String(toFirstLine),
  ]);
  const head = ['BOOT', 'INSTRUCTIONS', 'MS', 'MIPS', 'UNTIL FIRST LINE'];
  console.log(`\n${formatTable(head, ['left', 'right', 'right', 'right', 'right'], rows)}`);
}

main();
