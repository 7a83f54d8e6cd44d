import type { Binding, ObjectImport, WasmObject } from './object.ts';

/** x86-64 levels of the psABI: what instructions the code may use. */
export type Cpu = 'x86-64' | 'x86-64-v2' | 'x86-64-v3';

export interface CompileOptions {
  /** Prefix of the object's symbols, e.g. `kernel`. */
  readonly instance: string;
  /** The linear memory's base: virtual address 0 (the kernel), or in r14 (everyone else). */
  readonly mode: 'base0' | 'basereg';
  readonly cpu?: Cpu;
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
 * Compiles one Wasm module.
 *
 * @throws UserError `malformed: …`, `invalid: …`, `unsupported: FEATURE at offset …`, `unlinkable: …`
 */
export function compile(_wasm: Uint8Array, _options: CompileOptions): WasmObject {
  throw new Error('the compiler passes are being written');
}
