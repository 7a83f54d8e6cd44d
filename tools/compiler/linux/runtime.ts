import { UserError } from '../../errors.ts';
import { assembleModule } from '../assemblyscript.ts';
import { compile } from '../compile.ts';
import type { Binding, ObjectImport, WasmObject } from '../object.ts';

/** Where the run-time's static data lies: its linear memory is the low 4 GiB of the address space. */
export const RUNTIME_DATA = 0x10_0000;

/** Compiles the run-time: one object serves any number of executables. */
export async function compileRuntime(): Promise<WasmObject> {
  const { wasm } = await assembleModule('tools/compiler/linux/runtime/main.ts', {
    flags: ['--debug', '--runtime', 'stub', '--memoryBase', String(RUNTIME_DATA)],
  });
  return compile(wasm, { instance: 'runtime', mode: 'base0', bind });
}

/** Functions of start-up.ts that the run-time calls; of the others it wants the address. */
const CALLED = ['syscall', 'call'];

function bind({ module, name, kind }: ObjectImport): Binding {
  if (kind !== 'function') throw new UserError(`unlinkable: ${kind} "${name}" of the run-time`);
  if (module === 'cpu') return { kind: 'intrinsic', name: `cpu.${name}` };
  return { kind: CALLED.includes(name) ? 'symbol' : 'address', symbol: `linux.${name}` };
}
