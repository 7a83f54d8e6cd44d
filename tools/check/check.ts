import * as Elf from '../../spec/elf.ts';
import * as Igvm from '../../spec/igvm.ts';
import { UserError } from '../errors.ts';
import { Analysis, type Listed } from './analysis.ts';
import { checkData } from './data.ts';
import { hasNote } from './elf-file.ts';
import { readExecutable } from './executable.ts';
import { readElfImage, readIgvmImage } from './image.ts';
import { checkPadding } from './padding.ts';
import type { CodeFunction, Compartment, Program, Violation } from './program.ts';
import { checkShim } from './shim.ts';
import { checkStubs } from './stubs.ts';
import { walk } from './walk.ts';

/** What was found about one compartment. */
export interface CompartmentReport {
  readonly compartment: Compartment;
  readonly functions: number;
  readonly instructions: number;
  /** The kernel's functions that it calls. */
  readonly capabilities: readonly string[];
  /** Privileged and intercepted instructions, and accesses at 64-bit addresses. */
  readonly listed: readonly Listed[];
}

export interface Report {
  readonly kind: Program['kind'];
  readonly compartments: readonly CompartmentReport[];
  /** Empty if all rules hold. */
  readonly violations: readonly Violation[];
}

const SHIM: Compartment = { name: 'the shim', kind: 'shim', number: 0, record: undefined };

/** Reads a file of ours. @throws UserError for any other. */
export function readProgram(file: Uint8Array): Program {
  const magic = file.length < 4 ? 0 : new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  if (magic === Igvm.MAGIC) return readIgvmImage(file);
  if (magic === Elf.MAGIC) return hasNote(file) ? readElfImage(file) : readExecutable(file);
  throw new UserError('neither an image nor an executable');
}

/**
 * Proves of finished machine code that no compartment leaves its memory, its stack, its tables and its
 * functions. docs/check-image.md lists the rules.
 *
 * @throws UserError for a file that is not one of ours.
 */
export function checkImage(file: Uint8Array): Report {
  return checkProgram(readProgram(file));
}

/** The same of a program that was read; of functions that are not judged only what the others call. */
export function checkProgram(
  program: Program,
  isJudged: (code: CodeFunction) => boolean = () => true,
): Report {
  const analysis = new Analysis(program, isJudged);
  const isMany = program.compartments.filter(({ kind }) => kind === 'sandbox').length > 1;
  for (const { address, stackSize, wide, plain } of program.roots) {
    const fn = analysis.functions.get(address);
    if (!fn) throw new UserError('an entry point that is not the start of a function');
    analysis.pass(fn, wide, plain);
    analysis.provide(fn, stackSize);
    if (isMany) analysis.makeForeign(fn);
  }
  const stubs = checkStubs(analysis);
  for (let fn = analysis.next(); fn; fn = analysis.next()) {
    if (fn.code.compartment.kind !== 'stubs') walk(analysis, fn);
  }
  analysis.checkStackAreas();
  const functions = [...analysis.functions.values()];
  const shim = program.shim && checkShim(program, program.shim);
  return {
    kind: program.kind,
    compartments: [
      ...(shim ? [{ ...shim, compartment: SHIM, functions: shim.routines, capabilities: [] }] : []),
      ...program.compartments.map((compartment) => {
        const own = functions.filter(({ code }) => code.compartment === compartment);
        return {
          compartment,
          functions: own.length,
          instructions: own.reduce((sum, { instructions }) => sum + instructions, 0),
          capabilities: [...(analysis.capabilities.get(compartment.name) ?? [])].sort(),
          listed: own.flatMap(({ listed }) =>
            [...listed.values()].sort((a, b) => a.address - b.address),
          ),
        };
      }),
    ],
    violations: [
      ...program.broken,
      ...checkPadding(program),
      ...stubs,
      ...(shim?.violations ?? []),
      ...functions.flatMap(({ violations }) => [...violations.values()]),
      ...checkData(analysis),
    ],
  };
}
