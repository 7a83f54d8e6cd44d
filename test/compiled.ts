import { type CompileOptions, compile } from '../tools/compiler/compile.ts';
import type { WasmObject } from '../tools/compiler/object.ts';
import { wat } from './wat.ts';

/** For tests: compiles a module in the text format, its imports bound to symbols MODULE.NAME. */
export function compileText(text: string, options: Partial<CompileOptions> = {}): WasmObject {
  return compile(wat(text), {
    instance: 'm',
    mode: 'basereg',
    bind: ({ module, name }) => ({ kind: 'symbol', symbol: `${module}.${name}` }),
    ...options,
  });
}

/** For tests: what `pass` makes of the function named `f`, a line an element. */
export function afterPass(
  pass: string,
  text: string,
  options: Partial<CompileOptions> = {},
): string[] {
  let printed = '';
  compileText(text, {
    ...options,
    print: {
      wants: (name, fn) => name === pass && fn === 'f',
      text: (_pass, _fn, result) => {
        printed = result;
      },
    },
  });
  return printed.trimEnd().split('\n');
}

/** For tests: a function `f` with the body, in a module with a memory, a table and a global. */
export function moduleWith(signature: string, body: string): string {
  return `(module
    (memory (export "memory") 1)
    (table 2 2 funcref)
    (global $g (mut i32) (i32.const 0))
    (func $other)
    (func $f (export "f") ${signature} ${body}))`;
}
