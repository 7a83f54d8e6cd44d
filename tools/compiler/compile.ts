import { UserError } from '../errors.ts';
import { buildFn } from './ir/build.ts';
import { removeChecks } from './ir/checks.ts';
import { type Context, makeContext } from './ir/context.ts';
import { removeDeadCode } from './ir/dce.ts';
import { ValueNumbering } from './ir/gvn.ts';
import { hoistInvariants } from './ir/hoist.ts';
import { boundInductions } from './ir/induction.ts';
import { keepConstants } from './ir/kept-constants.ts';
import { layOut } from './ir/layout.ts';
import { forwardLoads, hoistLoads } from './ir/loads.ts';
import { findLoops } from './ir/loops.ts';
import { lower } from './ir/lower.ts';
import { lowerVectors } from './ir/lower-vector.ts';
import { removeDeadPhis, removeTrivialPhis } from './ir/phis.ts';
import { printFn } from './ir/print.ts';
import { reassociate } from './ir/reassociate.ts';
import { rotateLoops } from './ir/rotate.ts';
import { mergeSwitches } from './ir/switches.ts';
import { makeStart, START } from './ir/synthesize.ts';
import { threadBranches } from './ir/thread.ts';
import { unrollLoops } from './ir/unroll.ts';
import type { Fn } from './ir/value.ts';
import type { Binding, ObjectImport, WasmObject } from './object.ts';
import { decode } from './wasm/decode.ts';
import type { Module } from './wasm/module.ts';
import { uniqueNames } from './wasm/names.ts';
import { validate } from './wasm/validate.ts';
import { Allocator } from './x86/allocate.ts';
import { findDynamic } from './x86/data.ts';
import { disassemble } from './x86/disassemble.ts';
import { FunctionEmitter } from './x86/emit.ts';
import { findAdapters, makeObject, writeExtras } from './x86/generate.ts';
import { checkIntrinsic } from './x86/intrinsics.ts';
import type { MachineFn } from './x86/machine.ts';
import { Output } from './x86/output.ts';
import { printMachine } from './x86/print-machine.ts';
import { select } from './x86/select.ts';
import { constantsSymbol, functionSymbol, isPartName } from './x86/symbols.ts';
import { makeTarget, type Target } from './x86/target.ts';

/** x86-64 levels of the psABI: what instructions the code may use. */
export type Cpu = 'x86-64' | 'x86-64-v2' | 'x86-64-v3';

export interface CompileOptions {
  /** Prefix of the object's symbols, e.g. `kernel`. */
  readonly instance: string;
  /** The linear memory's base: virtual address 0 (the kernel), or in r14 (everyone else). */
  readonly mode: 'base0' | 'basereg';
  readonly cpu?: Cpu;
  /**
   * Bytes of stack that functions make sure of below their frames before they call anything. The guard
   * below the stack must be a page larger. 0 if not given.
   */
  readonly stackInHand?: number;
  /** What meets an import; undefined: `unlinkable:` error. */
  bind(wanted: ObjectImport): Binding | undefined;
  /** Whether other instances, with other memories, may call this one's functions (emits `.outer`). */
  readonly linked?: boolean;
  /** Called with the text of a function after each pass whose name this accepts. */
  readonly print?: {
    wants(pass: string, functionName: string): boolean;
    text(pass: string, functionName: string, text: string): void;
  };
  /** Filled with milliseconds by pass. */
  readonly times?: Map<string, number>;
}

/**
 * Compiles one Wasm module: the list of passes.
 *
 * @throws UserError `malformed: …`, `invalid: …`, `unsupported: FEATURE at offset …`, `unlinkable: …`
 */
export function compile(wasm: Uint8Array, options: CompileOptions): WasmObject {
  const passes = new Passes(options);
  const module = passes.run('decode', () => decode(wasm));
  passes.run('validate', () => validate(module));
  const context = bindImports(module, options);
  const target = makeTarget(options.mode, options.cpu ?? 'x86-64', options.stackInHand);
  const output = new Output();
  output.asm.avx = target.avx;
  const reused = { numbering: new ValueNumbering(), allocator: new Allocator(target) };
  const finish = (fn: Fn) => compileFn(passes, fn, context, target, output, reused);
  module.functions.forEach(({ body }, index) => {
    if (!body) return;
    finish(passes.run('build', () => buildFn(context, index, body)));
  });
  for (const adapter of findAdapters(context)) finish(adapter);
  const dynamic = findDynamic(module);
  let start = module.start && functionSymbol(context, module.start.index);
  if (Object.values(dynamic).some(({ length }) => length > 0)) {
    start = `${options.instance}!${START}`;
    finish(makeStart(context, dynamic));
  }
  writeExtras(context, target, output);
  const object = passes.run('object', () => makeObject(context, dynamic, target, output, start));
  for (const { symbol: name, start: from, end } of object.functions) {
    passes.print('object', name.slice(options.instance.length + 1), () =>
      disassemble(object.sections.text.bytes, from, end, textRelocations(object)),
    );
  }
  return object;
}

function textRelocations({ relocations }: WasmObject) {
  return relocations.filter(({ section }) => section === 'text');
}

function compileFn(
  passes: Passes,
  fn: Fn,
  context: Context,
  target: Target,
  output: Output,
  { numbering, allocator }: { numbering: ValueNumbering; allocator: Allocator },
): void {
  const onFn = (name: string, pass: () => void) => {
    passes.run(name, pass);
    passes.print(name, fn.name, () => printFn(fn));
  };
  passes.print('build', fn.name, () => printFn(fn));
  onFn('phis', () => {
    removeDeadPhis(fn);
    removeTrivialPhis(fn);
  });
  onFn('thread', () => threadBranches(fn));
  onFn('switches', () => mergeSwitches(fn));
  onFn('rotate', () => rotateLoops(fn));
  onFn('unroll', () => unrollLoops(fn));
  onFn('lower', () =>
    lower(fn, { hasPopulationCount: target.v2, hasWholeMemory: !target.baseRegister }),
  );
  onFn('vectors', () => lowerVectors(fn, target));
  onFn('gvn', () => numbering.run(fn));
  onFn('loops', () => findLoops(fn));
  onFn('layout', () => layOut(fn));
  onFn('loads', () => forwardLoads(fn));
  // What the rounds of an unrolled loop make of one load is the same.
  if (fn.isUnrolled) onFn('gvn', () => numbering.run(fn));
  onFn('checks', () => removeChecks(fn));
  onFn('hoist', () => {
    hoistLoads(fn);
    hoistInvariants(fn);
  });
  onFn('induction', () => boundInductions(fn));
  onFn('constants', () => keepConstants(fn));
  onFn('dce', () => removeDeadCode(fn));
  onFn('reassociate', () => reassociate(fn));
  const code: MachineFn = passes.run('select', () => select(fn, context, target, output.constants));
  passes.print('select', fn.name, () => printMachine(code));
  passes.run('allocate', () => allocator.run(code));
  passes.print('allocate', fn.name, () => printMachine(code));
  passes.run('emit', () => {
    const symbol = context.functionSymbols[fn.index] ?? `${context.instance}!${fn.name}`;
    const emitter = new FunctionEmitter(code, symbol, constantsSymbol(context), target, output);
    emitter.emit(fn.index);
  });
}

function bindImports(module: Module, { bind, instance, linked }: CompileOptions): Context {
  const bindings = module.imports.map((wanted) => {
    const binding = bind(wanted);
    if (!binding) throw new UserError(`unlinkable: unknown import ${wanted.module}.${wanted.name}`);
    if (binding.kind !== 'symbol' && wanted.kind !== 'function') {
      throw new UserError(`unlinkable: ${wanted.module}.${wanted.name} is not a function`);
    }
    checkIntrinsic(wanted, binding);
    return binding;
  });
  const names = uniqueNames(module.functions.length, module.functionNames, isPartName);
  return makeContext(module, bindings, names, { instance, linked: linked ?? false });
}

/** Runs passes, takes their time and prints their results where that was asked for. */
class Passes {
  readonly #times: CompileOptions['times'];
  readonly #print: CompileOptions['print'];

  constructor({ times, print }: CompileOptions) {
    this.#times = times;
    this.#print = print;
  }

  run<T>(name: string, pass: () => T): T {
    if (!this.#times) return pass();
    const start = performance.now();
    const result = pass();
    this.#times.set(name, (this.#times.get(name) ?? 0) + performance.now() - start);
    return result;
  }

  print(name: string, functionName: string, text: () => string): void {
    if (this.#print?.wants(name, functionName)) this.#print.text(name, functionName, text());
  }
}
