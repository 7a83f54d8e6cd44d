/** The directories that --dir gives a program. */

import { load8 } from '../cpu.ts';
import { textSize } from '../process.ts';
import { addDescriptor, descriptor, STREAMS, TYPE_DIRECTORY } from './descriptors.ts';
import { O_DIRECTORY, openAnywhere } from './linux-files.ts';

const PATH_MAX: u64 = 4096;

const host: usize = memory.data(4096, 8);

/**
 * Opens the directory of one --dir for the program: `HOST`, known to it by the same name, or
 * `HOST::GUEST`. False if it cannot be opened.
 */
export function addPreopen(text: u64): bool {
  let size = textSize(text);
  if (size >= PATH_MAX) return false;
  let name = text;
  let nameSize = size;
  for (let i: u64 = 0; i + 1 < size; i++) {
    if (load8(text + i) !== 0x3a || load8(text + i + 1) !== 0x3a) continue;
    name = text + i + 2;
    nameSize = size - i - 2;
    size = i;
    break;
  }
  for (let i: u64 = 0; i < size; i++) store<u8>(host + <usize>i, load8(text + i));
  store<u8>(host + <usize>size, 0);
  const opened = openAnywhere(host, O_DIRECTORY);
  if (opened < 0) return false;
  const fd = addDescriptor(<u32>opened, STREAMS);
  if (fd < 0) return false;
  const entry = descriptor(fd);
  entry.preopened = true;
  entry.name = name;
  entry.nameSize = nameSize;
  return entry.type === TYPE_DIRECTORY;
}
