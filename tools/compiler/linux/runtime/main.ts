/** The run-time's beginning: what an executable does from its first instruction to its exit. */

import { EXPORT_FUNCTION, ExportInfo, FunctionInfo } from '../../../../spec/abi/executable.ts';
import { runBatch } from './batch.ts';
import { enter, reserveStack } from './call.ts';
import { setName } from './cursor.ts';
import { complainOfLinux, EXIT_IO, end } from './end.ts';
import { findExport, instanceAt, mainInstance, program } from './exports.ts';
import { inputError } from './input.ts';
import { BAD_CALL, invoke } from './invoke.ts';
import { signalEntry } from './linux.ts';
import { makeMemories } from './memory.ts';
import { BAD_DIRECTORY, BATCH, INVOKE, readOptions } from './options.ts';
import { putLine, putText, standardError, standardOutput } from './output.ts';
import { firstArgument, readStack } from './process.ts';
import { installHandlers, putTrapPlace, trapWords } from './trap.ts';
import { addStandardStreams } from './wasi/descriptors.ts';

/** Exit codes: of a trap, as a shell shows an abort; of bad usage; of what Linux refuses (EX_OSERR). */
const EXIT_TRAP: u32 = 134;
const EXIT_USAGE: u32 = 2;
const EXIT_SYSTEM: u32 = 71;

/** `_start`. */
const START_NAME: usize = memory.data<u8>([0x5f, 0x73, 0x74, 0x61, 0x72, 0x74]);

/** Runs the program. `stack` is the stack pointer that Linux started us with. Does not return. */
export function main(stack: u64): void {
  readStack(stack);
  if (!addStandardStreams()) {
    putLine(standardError(), 'error: Linux refuses to open the root directory');
    end(EXIT_SYSTEM);
  }
  const mode = readOptions();
  if (mode === BAD_DIRECTORY) {
    putLine(standardError(), 'error: --dir: a directory cannot be opened');
    end(EXIT_USAGE);
  }
  if (!reserveStack() || !makeMemories(program())) {
    putLine(standardError(), 'error: Linux refuses the address space for memories');
    end(EXIT_SYSTEM);
  }
  installHandlers(signalEntry());
  const trap = instantiate();
  if (trap !== 0) endTrapped(trap, mode === BATCH);
  if (mode === BATCH) {
    runBatch();
    const error = inputError();
    if (error !== 0) complainOfLinux('standard input cannot be read', error);
    end(error === 0 ? 0 : EXIT_IO);
  }
  if (mode === INVOKE) {
    const outcome = invoke(firstArgument());
    if (outcome === BAD_CALL) end(EXIT_USAGE);
    finish(outcome);
  }
  runStart();
}

/** Runs what each module has to run before its exports may be called: 0, or the number of a trap. */
function instantiate(): u32 {
  for (let i: u32 = 0; i < program().instanceCount; i++) {
    const instance = instanceAt(i);
    if (instance.start === 0) continue;
    const trap = enter(instance, instance.start, 0);
    if (trap !== 0) return trap;
  }
  return 0;
}

function runStart(): void {
  setName(START_NAME, 6);
  const found = findExport(mainInstance(), EXPORT_FUNCTION);
  if (found === 0) {
    putLine(standardError(), 'error: the module exports no _start; use --invoke or --batch');
    end(EXIT_USAGE);
  }
  const start = changetype<ExportInfo>(found);
  if (changetype<FunctionInfo>(start.type).params !== 0) {
    putLine(standardError(), 'error: _start expected no parameters');
    end(EXIT_USAGE);
  }
  finish(enter(mainInstance(), start.target, changetype<FunctionInfo>(start.type).stackSize));
}

/** Ends the process after a call that did not come back, if `trap` is its number, or that did. */
function finish(trap: u32): void {
  if (trap !== 0) endTrapped(trap, false);
  end(0);
}

/** Of a batch the trap is an answer; else it is told to the user, with the place in the source. */
function endTrapped(trap: u32, batch: bool): void {
  const to = batch ? standardOutput() : standardError();
  putText(to, 'trap: ');
  putLine(to, trapWords(trap));
  if (!batch) putTrapPlace(to);
  end(EXIT_TRAP);
}
