/** --invoke: one call, with arguments from the command line and results to standard output. */

import { EXPORT_FUNCTION, ExportInfo, FunctionInfo } from '../../../../spec/abi/executable.ts';
import { valueInfo } from './batch.ts';
import { enter, valueAt } from './call.ts';
import { copy } from './cpu.ts';
import { setName, startAt } from './cursor.ts';
import { findExport, mainInstance } from './exports.ts';
import { putDecimal, readDecimal } from './number.ts';
import { putByte, putLine, putQuoted, putText, standardError, standardOutput } from './output.ts';
import { argument, argumentTotal, textSize } from './process.ts';

/** How --invoke ended: the number of a trap, or one of these. */
export const INVOKED: u32 = 0;
export const BAD_CALL: u32 = -1;

const CAPACITY: u32 = 0x1_0000;
const buffer: usize = memory.data(0x1_0000, 16);

/** Copies an argument into our memory: its size, or -1 if it is too long. */
function take(i: u32): i32 {
  const text = argument(i);
  const size = textSize(text);
  if (size > CAPACITY) return -1;
  copy(buffer, text, size);
  return <i32>size;
}

/** Calls the export that argument `at` names with the arguments after it. */
export function invoke(at: u32): u32 {
  const size = at < argumentTotal() ? take(at) : -1;
  if (size < 0) return complain('--invoke expects the name of an export');
  setName(buffer, size);
  const instance = mainInstance();
  const found = findExport(instance, EXPORT_FUNCTION);
  if (found === 0) return complainOf('no exported function named ', at);
  const type = changetype<FunctionInfo>(changetype<ExportInfo>(found).type);
  if (argumentTotal() - at - 1 !== type.params) {
    return complainOf('wrong number of arguments for ', at);
  }
  for (let i: u32 = 0; i < type.params; i++) {
    const parameter = valueInfo(type, i);
    const length = take(at + 1 + i);
    if (length >= 0) {
      startAt(buffer, length);
      if (readDecimal(parameter.type, valueAt(parameter.offset), instance)) continue;
    }
    return complainOf('not a number of the type wanted: ', at + 1 + i);
  }
  const trap = enter(instance, changetype<ExportInfo>(found).target, type.stackSize);
  if (trap !== 0) return trap;
  const to = standardOutput();
  for (let i: u32 = 0; i < type.results; i++) {
    const result = valueInfo(type, type.params + i);
    if (i > 0) putByte(to, 0x20);
    putDecimal(to, result.type, valueAt(result.offset), instance);
  }
  if (type.results > 0) putByte(to, 0x0a);
  return INVOKED;
}

function complain(message: string): u32 {
  putText(standardError(), 'error: ');
  putLine(standardError(), message);
  return BAD_CALL;
}

/** Says `message`, which is about argument `i`. */
function complainOf(message: string, i: u32): u32 {
  const to = standardError();
  putText(to, 'error: ');
  putText(to, message);
  putQuoted(to, argument(i), <usize>textSize(argument(i)));
  putByte(to, 0x0a);
  return BAD_CALL;
}
