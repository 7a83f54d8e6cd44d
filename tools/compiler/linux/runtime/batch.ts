/** --batch: a line in, a line out. */

import {
  EXPORT_FUNCTION,
  EXPORT_GLOBAL,
  ExportInfo,
  FunctionInfo,
  InstanceInfo,
  ValueInfo,
} from '../../../../spec/abi/executable.ts';
import { MemoryRecord } from '../../../../spec/abi/handoff.ts';
import { enter, valueAt } from './call.ts';
import {
  accept,
  acceptWord,
  atEnd,
  nameBytes,
  nameSize,
  readName,
  skipSpaces,
  startAt,
} from './cursor.ts';
import { findExport, findLinked, mainInstance } from './exports.ts';
import { lineIsTooLong, lineIsWaiting, lineSize, lineStart, readLine } from './input.ts';
import { PAGE_SHIFT } from './memory.ts';
import {
  answersLost,
  flush,
  putByte,
  putHex,
  putQuoted,
  putText,
  putUnsigned,
  standardOutput,
} from './output.ts';
import { sha256 } from './sha256.ts';
import { trapWords } from './trap.ts';
import { putValue, readValue, typePrefix } from './value.ts';

/** Answers every line of standard input, as long as answers can be written. */
export function runBatch(): void {
  while (answersLost() === 0 && readLine()) {
    startAt(lineStart(), lineSize());
    if (lineIsTooLong()) putText(standardOutput(), 'error: the line is too long');
    else answer();
    putByte(standardOutput(), 0x0a);
    if (!lineIsWaiting()) flush();
  }
}

function answer(): void {
  skipSpaces();
  if (!accept('!')) answerCall();
  else if (acceptWord('get')) answerGlobal();
  else if (acceptWord('memory')) answerMemory();
  else putText(standardOutput(), 'error: expected !get or !memory');
}

/** Whether nothing but spaces is left of the line; else an `error:` says so. */
function isDone(): bool {
  skipSpaces();
  if (atEnd()) return true;
  putText(standardOutput(), 'error: expected the end of the line');
  return false;
}

/** The instance that `@MODULE` names, or the program where that is not given; 0 if there is none. */
function readInstance(): usize {
  skipSpaces();
  if (!accept('@')) return changetype<usize>(mainInstance());
  if (!readName()) {
    putText(standardOutput(), 'error: expected the name of a module after @');
    return 0;
  }
  const linked = findLinked();
  if (linked === 0) putMissing('module');
  skipSpaces();
  return linked;
}

function putMissing(what: string): void {
  const to = standardOutput();
  putText(to, 'error: no ');
  putText(to, what);
  putText(to, ' named ');
  putQuoted(to, nameBytes(), nameSize());
}

/** Reads a name and finds the export of that `kind`: its address, or 0 after an `error:`. */
function readExport(instance: InstanceInfo, kind: u32, what: string): usize {
  if (!readName()) {
    putText(standardOutput(), 'error: expected the name of an export');
    return 0;
  }
  const found = findExport(instance, kind);
  if (found === 0) putMissing(what);
  return found;
}

function answerGlobal(): void {
  const instance = readInstance();
  if (instance === 0) return;
  skipSpaces();
  const found = readExport(changetype<InstanceInfo>(instance), EXPORT_GLOBAL, 'exported global');
  if (found === 0 || !isDone()) return;
  const entry = changetype<ExportInfo>(found);
  putValue(standardOutput(), entry.type, entry.target, changetype<InstanceInfo>(instance));
}

function answerMemory(): void {
  if (!isDone()) return;
  const to = standardOutput();
  const instance = mainInstance();
  if (instance.memory === 0) {
    putText(to, 'error: the module has no memory');
    return;
  }
  const memory = changetype<MemoryRecord>(instance.memory);
  putText(to, 'pages:');
  putUnsigned(to, memory.pages);
  putText(to, ' sha256:');
  const digest = sha256(memory.base, (<u64>memory.pages) << PAGE_SHIFT);
  for (let i: usize = 0; i < 32; i += 4) putHex(to, load<u32>(digest + i), 8);
}

function answerCall(): void {
  const instance = readInstance();
  if (instance === 0) return;
  const found = readExport(
    changetype<InstanceInfo>(instance),
    EXPORT_FUNCTION,
    'exported function',
  );
  if (found === 0) return;
  const type = changetype<FunctionInfo>(changetype<ExportInfo>(found).type);
  if (!readArguments(type, changetype<InstanceInfo>(instance))) return;
  const code = changetype<ExportInfo>(found).target;
  const trap = enter(changetype<InstanceInfo>(instance), code, type.stackSize);
  const to = standardOutput();
  if (trap !== 0) {
    putText(to, 'trap: ');
    putText(to, trapWords(trap));
    return;
  }
  for (let i: u32 = 0; i < type.results; i++) {
    const result = valueInfo(type, type.params + i);
    if (i > 0) putByte(to, 0x20);
    putValue(to, result.type, valueAt(result.offset), changetype<InstanceInfo>(instance));
  }
}

/** The i-th of a function's parameters and results. */
export function valueInfo(type: FunctionInfo, i: u32): ValueInfo {
  return changetype<ValueInfo>(type.values + i * <u32>ValueInfo.SIZE);
}

function readArguments(type: FunctionInfo, instance: InstanceInfo): bool {
  const to = standardOutput();
  for (let i: u32 = 0; i < type.params; i++) {
    skipSpaces();
    const parameter = valueInfo(type, i);
    if (readValue(parameter.type, valueAt(parameter.offset), instance)) continue;
    putText(to, 'error: argument ');
    putUnsigned(to, i + 1);
    putText(to, ' expected ');
    putText(to, typePrefix(parameter.type));
    putText(to, 'VALUE');
    return false;
  }
  skipSpaces();
  if (atEnd()) return true;
  putText(to, 'error: expected ');
  putUnsigned(to, type.params);
  putText(to, ' arguments, got more');
  return false;
}
