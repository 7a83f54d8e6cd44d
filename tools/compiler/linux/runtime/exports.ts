/** Finds instances and their exports by name. */

import { Executable, ExportInfo, InstanceInfo } from '../../../../spec/abi/executable.ts';
import { nameBytes, nameSize } from './cursor.ts';
import { executable } from './linux.ts';

export function program(): Executable {
  return changetype<Executable>(<usize>executable());
}

export function instanceAt(index: u32): InstanceInfo {
  return changetype<InstanceInfo>(program().instances + index * <u32>InstanceInfo.SIZE);
}

/** The instance of the file that was compiled; the others are linked modules. */
export function mainInstance(): InstanceInfo {
  return instanceAt(program().instanceCount - 1);
}

/** Address of the linked instance with the name read last, or 0. */
export function findLinked(): usize {
  for (let i: u32 = 0; i + 1 < program().instanceCount; i++) {
    const instance = instanceAt(i);
    if (isName(instance.name, instance.nameSize)) return changetype<usize>(instance);
  }
  return 0;
}

/** Address of the ExportInfo of `kind` with the name read last, or 0. */
export function findExport(instance: InstanceInfo, kind: u32): usize {
  for (let i: u32 = 0; i < instance.exportCount; i++) {
    const entry = changetype<ExportInfo>(instance.exports + i * <u32>ExportInfo.SIZE);
    if (entry.kind === kind && isName(entry.name, entry.nameSize)) return changetype<usize>(entry);
  }
  return 0;
}

function isName(bytes: u32, size: u32): bool {
  return size === nameSize() && memory.compare(bytes, nameBytes(), size) === 0;
}
