/** The kernel: {@link main} is its table of contents. What it offers to programs is in offered.ts. */

import { writeText } from './console.ts';
import { receiveHandoff } from './handoff.ts';
import { openInterrupts } from './interrupt/interrupts.ts';
import { acceptMemory } from './mm/acceptance.ts';
import { acceptAtBoot } from './mm/acceptance-at-boot.ts';
import { receiveMemoryMap } from './mm/memory-map.ts';
import { openPaging } from './mm/paging.ts';
import { retireShim } from './mm/shim.ts';
import { decidePlatform, hasGhcb, isEncrypted, isSnp, platformName } from './platform.ts';
import { runProgram } from './program.ts';
import { proveEncryption } from './sev/c-bit.ts';
import { receiveCpuidPage } from './sev/cpuid.ts';
import { establishGhcb } from './sev/establish.ts';
import { checkSecretsPage } from './sev/secrets.ts';

/** Entered by the shim, once, on the kernel's stack, with interrupts off. Never returns. */
export function main(): void {
  receiveHandoff(); // what linker and shim have to say
  decidePlatform(); // none, SEV, SEV-ES or SNP, and whether this image may run there
  openPaging(); // the first page tables become ours
  retireShim(); // and lose what only the way here needed
  if (isSnp()) {
    receiveCpuidPage(); // what the AMD-SP says about the CPU
    checkSecretsPage();
  } else if (isEncrypted()) {
    proveEncryption(); // the C-bit is where the host said
  }
  if (hasGhcb()) establishGhcb(); // from here on the host can be asked
  greet();
  receiveMemoryMap(); // where RAM is, on the host's word
  acceptMemory(); // makes as much ours as it takes to keep books
  acceptAtBoot(); // and the rest, or what need not wait
  openInterrupts(); // where the host may tell of events
  runProgram();
}

function greet(): void {
  writeText('Tacit, mode ');
  writeText(platformName());
  writeText('\n');
}

export * from './offered';
export { trap } from './trap/trap';
