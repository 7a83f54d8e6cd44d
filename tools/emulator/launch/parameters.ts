import * as Igvm from '../../../spec/igvm.ts';
import { view } from '../../../spec/layout.ts';
import { IgvmMemoryMapEntry } from '../../../spec/layouts/igvm.ts';
import { UserError } from '../../errors.ts';
import { PAGE } from '../hypervisor/guest-memory.ts';
import type { Machine } from '../machine.ts';

/** Where a PC's devices are below 4 GiB. */
const MMIO_FIRST = 0xb000_0000;
const MMIO_END = 0x1_0000_0000;

/**
 * What the host tells the guest in a parameter of type `type`: unmeasured, as all parameters are.
 * Throws a UserError if it does not fit into the `room` there is. IGVM, parameter structures.
 */
export function parameter(machine: Machine, type: number, room: number): Uint8Array {
  const bytes = content(machine, type);
  if (bytes.length > room) throw new UserError('a parameter does not fit into its IGVM area');
  return bytes;
}

function content(machine: Machine, type: number): Uint8Array {
  switch (type) {
    case Igvm.VP_COUNT:
      return word(1);
    case Igvm.ENVIRONMENT_INFO:
      return word(machine.hypervisor.profile.startsShared ? Igvm.MEMORY_IS_SHARED : 0);
    case Igvm.MEMORY_MAP:
      return memoryMap(machine);
    case Igvm.MMIO_RANGES:
      return mmioRanges();
    case Igvm.COMMAND_LINE:
      return new Uint8Array(1);
    default:
      throw new RangeError(`no parameter of type 0x${type.toString(16)}`);
  }
}

/** The ranges of RAM, in ascending order; an entry of no pages ends the list. */
function memoryMap(machine: Machine): Uint8Array {
  const { ranges } = machine.memory;
  const bytes = new Uint8Array(IgvmMemoryMapEntry.size * (ranges.length + 1));
  ranges.forEach(({ gfn, pages }, index) => {
    const entry = view(IgvmMemoryMapEntry, bytes, index * IgvmMemoryMapEntry.size);
    entry.startingPage = BigInt(gfn);
    entry.numberOfPages = BigInt(pages);
    entry.type = Igvm.MEMORY;
  });
  return bytes;
}

/** Two ranges, of which the second is empty: this machine has no devices above its RAM. */
function mmioRanges(): Uint8Array {
  const bytes = new Uint8Array(32);
  const data = new DataView(bytes.buffer);
  data.setBigUint64(0, BigInt(MMIO_FIRST / PAGE), true);
  data.setBigUint64(8, BigInt((MMIO_END - MMIO_FIRST) / PAGE), true);
  return bytes;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
