import { checkProgram, readProgram } from '../../tools/check/check.ts';
import type { Program, Violation } from '../../tools/check/program.ts';

/** Instructions at addresses that they take from registers: what bulk operations become. */
const STRING = /^rep (movs|stos)/;

/**
 * What check-image has against the modules of an executable; of the run-time, which is in all of them, it reads
 * only what they call.
 *
 * Those in the kernel's form go by the kernel's rules. The kernel may use any 64-bit address, which the
 * report lists; a module has no way to ask for that, so here it is a mistake.
 */
export function checkModules(executable: Uint8Array, atBase0: boolean): readonly Violation[] {
  const program = readProgram(executable);
  const modules = new Set(
    program.functions.flatMap(({ name, compartment }) =>
      compartment.kind === 'sandbox' ? [name] : [],
    ),
  );
  const judged = atBase0 ? asKernel(program) : program;
  const { violations, compartments } = checkProgram(judged, ({ name }) => modules.has(name));
  if (!atBase0) return violations;
  const listed = compartments
    .flatMap((each) => each.listed)
    .filter(({ name, text }) => modules.has(name) && !STRING.test(text))
    .map((each) => ({ ...each, rule: 'an access at a 64-bit address' }));
  return [...violations, ...listed];
}

/** The same program with its modules as parts of the run-time. */
function asKernel(program: Program): Program {
  const kernel = program.compartments.find(({ kind }) => kind === 'kernel');
  if (!kernel) throw new Error('an executable without a run-time');
  return {
    ...program,
    functions: program.functions.map((each) =>
      each.compartment.kind === 'sandbox' ? { ...each, compartment: kernel } : each,
    ),
    compartments: program.compartments.filter(({ kind }) => kind !== 'sandbox'),
  };
}
