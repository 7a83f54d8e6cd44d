import { UserError } from '../../errors.ts';
import type { Binding, FunctionType, ObjectImport, WasmObject } from '../object.ts';

/** Import modules whose functions are instructions: tools/compiler/x86/intrinsics.ts. */
const KERNEL_INSTRUCTIONS = ['cpu', 'volatile'];
const COMPARTMENT_INSTRUCTIONS = ['volatile'];

/** What the kernel exports for compartments, by import module: `fd_write` is `wasi_fd_write` there. */
const OFFERS: Readonly<Record<string, string>> = {
  wasi_snapshot_preview1: 'wasi_',
  tacit: 'tacit_',
};

/** The symbol under which an export of the kernel is known to stubs. */
export function kernelSymbol(name: string): string {
  return `kernel.${name}`;
}

/** Meets the kernel's imports: instructions, addresses in the image and in boot/, and stubs of boot/. */
export function bindKernel({ module, name, kind }: ObjectImport): Binding | undefined {
  if (kind !== 'function') return undefined;
  if (KERNEL_INSTRUCTIONS.includes(module)) {
    return { kind: 'intrinsic', name: `${module}.${name}` };
  }
  if (module === 'image') return { kind: 'address', symbol: `image.${name}` };
  if (module === 'label') return { kind: 'address', symbol: `boot!${name}` };
  if (module === 'boot') return { kind: 'symbol', symbol: `boot!${name}` };
  return undefined;
}

export interface Compartment {
  /** What messages call it. */
  readonly name: string;
  /** Its number: the kernel is told it with every call. */
  readonly index: number;
  /** `MODULE.NAME` or `MODULE.*`: the capabilities that the manifest grants. */
  readonly grants: readonly string[];
}

/**
 * Meets a compartment's imports with the kernel's exports, as far as the manifest grants them. Each
 * call carries the compartment's number as its first argument, a constant in its code.
 *
 * @throws UserError `unlinkable: …` that says which import, and why not.
 */
export function bindCompartment(
  { name: compartment, index, grants }: Compartment,
  kernel: WasmObject,
): (wanted: ObjectImport) => Binding {
  return (wanted) => {
    const { module, name } = wanted;
    const refuse = (why: string) =>
      new UserError(`unlinkable: ${compartment} imports ${module}.${name}, ${why}`);
    if (wanted.kind !== 'function') throw refuse(`a ${wanted.kind}: only functions can be granted`);
    if (COMPARTMENT_INSTRUCTIONS.includes(module)) {
      return { kind: 'intrinsic', name: `${module}.${name}` };
    }
    const prefix = OFFERS[module];
    const offer = prefix === undefined ? undefined : kernel.exports.get(`${prefix}${name}`);
    if (offer?.kind !== 'function') throw refuse('which the kernel does not offer');
    if (!grants.includes(`${module}.${name}`) && !grants.includes(`${module}.*`)) {
      throw refuse('which the manifest does not grant: add it to "imports"');
    }
    const expected: FunctionType = { ...wanted.type, params: ['i32', ...wanted.type.params] };
    if (!sameType(offer.type, expected)) throw refuse('whose type is not that of the kernel’s');
    const leading = [{ type: 'i32', value: BigInt(index) }] as const;
    return { kind: 'symbol', symbol: offer.symbol, leading };
  };
}

/** A function of the kernel that a manifest grants. */
export interface Grant {
  /** `MODULE.NAME`. */
  readonly name: string;
  readonly symbol: string;
}

/** What `imports` of a manifest grant, of all that the kernel offers, by name. UserError: it does not offer one. */
export function grantsOf(imports: readonly string[], kernel: WasmObject): Grant[] {
  const offered = [...kernel.exports].flatMap(([name, { kind, symbol }]): Grant[] => {
    const found = Object.entries(OFFERS).find(([, prefix]) => name.startsWith(prefix));
    if (kind !== 'function' || !found) return [];
    const [module, prefix] = found;
    return [{ name: `${module}.${name.slice(prefix.length)}`, symbol }];
  });
  const isGranted = (each: string, name: string) => each === name || each === `${moduleOf(name)}.*`;
  for (const each of imports) {
    if (!offered.some(({ name }) => isGranted(each, name)))
      throw new UserError(`the manifest grants ${each}, which the kernel does not offer`);
  }
  return offered
    .filter(({ name }) => imports.some((each) => isGranted(each, name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const moduleOf = (name: string) => name.split('.')[0] ?? '';

function sameType(a: FunctionType, b: FunctionType): boolean {
  return a.params.join() === b.params.join() && a.results.join() === b.results.join();
}
