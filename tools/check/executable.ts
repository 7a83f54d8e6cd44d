import {
  CALL_STACK,
  CallFrame,
  EXPORT_FUNCTION,
  Executable,
  ExportInfo,
  FunctionInfo,
  InstanceInfo,
  TYPE_FUNCREF,
  TYPE_I32,
  TYPE_V128,
  ValueInfo,
} from '../../spec/abi/executable.ts';
import { MemoryRecord } from '../../spec/abi/handoff.ts';
import { type Layout, type View, view } from '../../spec/layout.ts';
import { UserError } from '../errors.ts';
import { checkHeaders, functionsOf, loadSegments } from './elf-file.ts';
import {
  arrange,
  type CodeFunction,
  type Compartment,
  Memory,
  type Program,
  type Root,
  type Violation,
} from './program.ts';
import { ARGUMENTS } from './visit.ts';

const NO_ARGUMENTS = { registers: 0, stack: [] };

const RUNTIME = 'runtime';
const STUBS = 'linux';
/** How instances are called that `--link` names; the program itself is `main`. */
const LINKED = 'link.';
const PROGRAM = 'main';

/** The registers of arguments in a CallFrame. */
const ARGUMENT_ORDER = [7, 6, 2, 1, 8, 9];

/** An executable for Linux that `compile` made. */
export function readExecutable(file: Uint8Array): Program {
  const segments = loadSegments(file).map(({ virtual, ...segment }) => ({
    start: virtual,
    ...segment,
  }));
  const memory = new Memory(segments);
  const table = <L extends Layout>(layout: L, at: number, count: number): View<L>[] => {
    const bytes = memory.read(at, layout.size * count);
    if (!bytes) throw new UserError('the executable has a table outside of its memory');
    return Array.from({ length: count }, (_, i) => view(layout, bytes, i * layout.size));
  };
  const symbols = functionsOf(file);
  const last = segments.filter(({ writable, executable }) => !writable && !executable).at(-1);
  const [root] = last ? table(Executable, last.start, 1) : [];
  const start = symbols.find(({ name }) => name === '_start');
  if (!root || !start) {
    throw new UserError('not an executable of ours: it does not describe itself');
  }
  const instances = table(InstanceInfo, root.instances, root.instanceCount);
  const compartments = new Map<string, Compartment>();
  const define = (compartment: Compartment) => compartments.set(compartment.name, compartment);
  define({ name: RUNTIME, kind: 'kernel', number: 0, record: undefined });
  define({ name: STUBS, kind: 'stubs', number: 0, record: undefined });
  instances.forEach(({ name, nameSize, memory: record }, i) => {
    const bytes = memory.read(name, nameSize) ?? new Uint8Array();
    const text = new TextDecoder().decode(bytes);
    define({
      name: text === '' ? PROGRAM : LINKED + text,
      kind: 'sandbox',
      number: i,
      record: record === 0 ? undefined : record,
    });
  });
  const functions = symbols.map(({ name, address, size }): CodeFunction => {
    const compartment = compartmentOf(name, compartments);
    return { name, start: address, end: address + size, compartment };
  });
  const arranged = arrange(functions);
  const exports = instances.flatMap((each) => table(ExportInfo, each.exports, each.exportCount));
  const broken = segments
    .filter(({ writable, executable }) => writable && executable)
    .map(
      ({ start }): Violation => ({ rule: 'a segment is writable and executable', address: start }),
    );
  const starts = instances.flatMap(({ start }) => (start === 0 ? [] : [start]));
  return {
    kind: 'executable',
    memory,
    functions: arranged.functions,
    compartments: [...compartments.values()],
    intercepts: new Map(),
    guarded: [...compartments.values()].flatMap(({ name, record }) =>
      record === undefined
        ? []
        : [
            {
              start: record,
              end: record + MemoryRecord.size,
              name: `the memory record of ${name}`,
            },
          ],
    ),
    shared: new Set(
      exports.filter(({ kind }) => kind !== EXPORT_FUNCTION).map(({ target }) => target),
    ),
    roots: [
      ...starts.map((address) => ({
        address,
        stackSize: 0,
        wide: NO_ARGUMENTS,
        plain: NO_ARGUMENTS,
      })),
      ...exports.filter(({ kind }) => kind === EXPORT_FUNCTION).map((each) => rootOf(each, table)),
    ],
    broken: [...checkHeaders(file, start.address), ...broken, ...arranged.broken],
    shim: undefined,
  };
}

/** By the part of a function's name before the first `!`, which no instance's name has. */
function compartmentOf(name: string, compartments: ReadonlyMap<string, Compartment>): Compartment {
  const prefix = name.includes('!') ? (name.split('!')[0] ?? '') : STUBS;
  const compartment = compartments.get(prefix);
  if (!compartment) throw new UserError(`the executable has no instance for its function ${name}`);
  return compartment;
}

/** What the run-time may pass to an exported function. */
function rootOf(
  { target, type }: View<typeof ExportInfo>,
  table: <L extends Layout>(layout: L, at: number, count: number) => View<L>[],
): Root {
  const [info] = table(FunctionInfo, type, 1);
  if (!info) throw new UserError('the executable has an export without a type');
  const values = table(ValueInfo, info.values, info.params);
  const wide = values.filter(({ type: each }) => each !== TYPE_I32);
  const plain = values.filter(({ type: each }) => each !== TYPE_FUNCREF);
  const { stackSize } = info;
  return { address: target, stackSize, wide: argumentsOf(wide), plain: argumentsOf(plain) };
}

/** Where arguments are: floats in registers are of no account. */
function argumentsOf(values: readonly View<typeof ValueInfo>[]): Root['wide'] {
  let registers = 0;
  const stack: number[] = [];
  for (const { offset, type } of values) {
    const register = ARGUMENT_ORDER[(offset - CallFrame.fields.integers.offset) / 8];
    if (offset >= CALL_STACK) {
      stack.push(offset - CALL_STACK + 8);
      if (type === TYPE_V128) stack.push(offset - CALL_STACK + 16);
    } else if (register !== undefined) registers |= 1 << ARGUMENTS.indexOf(register);
  }
  return { registers, stack };
}
