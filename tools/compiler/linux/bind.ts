import { UserError } from '../../errors.ts';
import type {
  Binding,
  ExternType,
  FunctionType,
  Limits,
  ObjectImport,
  WasmObject,
} from '../object.ts';
import { hostFunctions } from './hosts.ts';
import { runtimeSymbol } from './start-up.ts';

/**
 * Meets the imports of instance number `index` by the exports of `linked` instances and by the
 * run-time's host modules. Throws a UserError `unlinkable: …` for one that cannot be met.
 */
export function binder(
  index: number,
  linked: ReadonlyMap<string, WasmObject>,
  runtime: WasmObject,
): (wanted: ObjectImport) => Binding {
  return (wanted) => {
    const { module, name } = wanted;
    const exported = linked.get(module)?.exports.get(name);
    if (exported) {
      if (!matches(exported, wanted)) throw incompatible(wanted);
      const { symbol } = exported;
      return { kind: 'symbol', symbol, foreign: symbol.endsWith('.outer') };
    }
    const host = hostFunctions[module]?.[name];
    const type = host === undefined ? undefined : runtime.exports.get(host);
    if (host === undefined || type?.kind !== 'function') {
      throw new UserError(`unlinkable: unknown import ${quote(module)} ${quote(name)}`);
    }
    const { params, results } = type.type;
    const offered: ExternType = { kind: 'function', type: { params: params.slice(1), results } };
    if (!matches(offered, wanted)) throw incompatible(wanted);
    const leading = [{ type: 'i32', value: BigInt(index) }] as const;
    return { kind: 'symbol', symbol: runtimeSymbol(host), leading };
  };
}

function incompatible({ module, name }: ObjectImport): UserError {
  return new UserError(`unlinkable: incompatible import type for ${quote(module)} ${quote(name)}`);
}

const quote = (name: string) => JSON.stringify(name);

/** Whether what is offered may stand where `wanted` is imported. Wasm §3.4.10 (import matching). */
function matches(offered: ExternType, wanted: ExternType): boolean {
  switch (offered.kind) {
    case 'function':
      return wanted.kind === 'function' && sameType(offered.type, wanted.type);
    case 'table':
      return (
        wanted.kind === 'table' &&
        offered.element === wanted.element &&
        within(offered.limits, wanted.limits)
      );
    case 'memory':
      return (
        wanted.kind === 'memory' &&
        offered.shared === wanted.shared &&
        within(offered.limits, wanted.limits)
      );
    case 'global':
      return (
        wanted.kind === 'global' &&
        offered.type === wanted.type &&
        offered.mutable === wanted.mutable
      );
  }
}

function sameType(a: FunctionType, b: FunctionType): boolean {
  return a.params.join() === b.params.join() && a.results.join() === b.results.join();
}

function within(offered: Limits, wanted: Limits): boolean {
  if (offered.min < wanted.min) return false;
  if (wanted.max === undefined) return true;
  return offered.max !== undefined && offered.max <= wanted.max;
}
