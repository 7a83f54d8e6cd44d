import { view } from '../../../spec/layout.ts';
import { MemoryMapEntry, StartInfo } from '../../../spec/layouts/pvh.ts';
import * as Pvh from '../../../spec/pvh.ts';
import { UserError } from '../../errors.ts';
import { PAGE, type RamRange } from '../hypervisor/guest-memory.ts';
import type { Machine } from '../machine.ts';
import { encrypted, protectedState } from '../mode.ts';
import { pvhState } from '../vcpu/entry-state.ts';
import { parseElf, type Segment } from './elf.ts';
import { launchSev, launchVmsa } from './sev.ts';

/** The page with start_info, memory map and command line: the last below the PC's video memory. */
const INFO_GPA = 0x9_f000;
const VIDEO_GPA = 0xa_0000;
const HIGH_MEMORY_GPA = 0x10_0000;
const MAP_OFFSET = 0x100;
const COMMAND_LINE_OFFSET = 0x800;

/**
 * Loads an ELF file with a PVH note and makes the machine ready to enter it. In sev and sev-es the
 * segments with their zero tails and the page of start_info are encrypted. PVH; SEV, launch.
 */
export function launchElf(machine: Machine, file: Uint8Array): void {
  const { mode } = machine;
  if (mode === 'snp') throw new UserError('an ELF file cannot be launched as an SNP guest');
  machine.launch = () => launchElf(machine, file);
  const image = parseElf(file);
  const pages = new Set(image.segments.flatMap((segment) => load(machine, segment)));
  if (pages.has(INFO_GPA / PAGE)) {
    throw new UserError(`the ELF file uses page 0x${INFO_GPA.toString(16)}, the start_info's`);
  }
  const loaded = (gfn: number) => {
    const gpa = gfn * PAGE;
    return { gpa, data: machine.memory.readGuest(BigInt(gpa), PAGE) ?? new Uint8Array(PAGE) };
  };
  const info = { gpa: INFO_GPA, bytes: startInfo(machine), size: PAGE };
  for (const gfn of load(machine, info)) pages.add(gfn);
  const state = pvhState(image.entry, INFO_GPA, protectedState(mode));
  machine.vmsaFrames.length = 0;
  if (encrypted(mode)) launchSev(machine, [...pages].sort((a, b) => a - b).map(loaded));
  if (protectedState(mode)) launchVmsa(machine, machine.hooks.vmsa?.(state) ?? state);
  else machine.vcpu.start(state);
  if (encrypted(mode)) machine.launchDigest = machine.psp.sev.launchMeasure();
}

/** Copies a segment into guest memory and gives the guest frames that it touches. */
function load(machine: Machine, segment: Segment): number[] {
  const { gpa, bytes, size } = segment;
  const first = Math.floor(gpa / PAGE);
  const last = Math.floor((gpa + size - 1) / PAGE);
  for (const gfn of [first, last]) {
    if (machine.memory.frameOf(gfn) === undefined) {
      const range = `0x${gpa.toString(16)} to 0x${(gpa + size).toString(16)}`;
      throw new UserError(`the ELF file has a segment at ${range}, where there is no memory`);
    }
  }
  const outcome = machine.memory.writeGuest(BigInt(gpa), bytes);
  if (outcome !== undefined)
    throw new UserError('a segment of the ELF file lies outside of memory');
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** start_info, with the memory map and an empty command line behind it. PVH, start_info.h. */
function startInfo(machine: Machine): Uint8Array {
  const page = new Uint8Array(PAGE);
  const entries = memoryMap(machine.memory.ranges);
  const info = view(StartInfo, page);
  info.magic = Pvh.START_INFO_MAGIC;
  info.version = 1;
  info.commandLine = BigInt(INFO_GPA + COMMAND_LINE_OFFSET);
  info.memoryMap = BigInt(INFO_GPA + MAP_OFFSET);
  info.memoryMapCount = entries.length;
  entries.forEach(({ from, to, type }, index) => {
    const entry = view(MemoryMapEntry, page, MAP_OFFSET + index * MemoryMapEntry.size);
    entry.address = BigInt(from);
    entry.size = BigInt(to - from);
    entry.type = type;
  });
  return page;
}

/** RAM with the hole of a PC's video memory and firmware in it. */
function memoryMap(ranges: readonly RamRange[]) {
  const entries = [
    { from: 0, to: INFO_GPA, type: Pvh.RAM },
    { from: INFO_GPA, to: VIDEO_GPA, type: Pvh.RESERVED },
  ];
  for (const { gfn, pages } of ranges) {
    const from = Math.max(gfn * PAGE, HIGH_MEMORY_GPA);
    entries.push({ from, to: (gfn + pages) * PAGE, type: Pvh.RAM });
  }
  return entries;
}
