import { describe, expect, it } from 'vitest';
import { UserError } from '../../errors.ts';
import type { ExternType, ObjectImport, ValueType, WasmObject } from '../object.ts';
import { bindCompartment, bindKernel, grantsOf } from './bind.ts';
import { emptyObject } from './test-objects.ts';

const imported = (module: string, name: string, params: ValueType[] = []): ObjectImport => ({
  module,
  name,
  kind: 'function',
  type: { params, results: ['i32'] },
});

const offered: ExternType = {
  kind: 'function',
  type: { params: ['i32', 'i32', 'i64'], results: ['i32'] },
};
const kernel: WasmObject = {
  ...emptyObject('kernel'),
  exports: new Map([
    ['wasi_fd_seek', { ...offered, symbol: 'kernel!files/fd_seek' }],
    ['tacit_report', { ...offered, symbol: 'kernel!report' }],
  ]),
};
const bind = (wanted: ObjectImport, grants: string[]) =>
  bindCompartment({ name: 'web', index: 3, grants }, kernel)(wanted);

describe('an import of a compartment', () => {
  const seek = imported('wasi_snapshot_preview1', 'fd_seek', ['i32', 'i64']);
  const bound = {
    kind: 'symbol',
    symbol: 'kernel!files/fd_seek',
    leading: [{ type: 'i32', value: 3n }],
  };

  it('that is granted by name or by module becomes a call that carries its number', () => {
    expect(bind(seek, ['wasi_snapshot_preview1.fd_seek'])).toEqual(bound);
    expect(bind(seek, ['wasi_snapshot_preview1.*'])).toEqual(bound);
    const report = imported('tacit', 'report', ['i32', 'i64']);
    expect(bind(report, ['tacit.report'])).toMatchObject({ symbol: 'kernel!report' });
  });

  it('that is not granted is refused by name', () => {
    const message =
      'unlinkable: web imports wasi_snapshot_preview1.fd_seek, which the manifest does not grant: add it to "imports"';
    expect(() => bind(seek, [])).toThrow(UserError);
    expect(() => bind(seek, ['tacit.*', 'wasi_snapshot_preview1.fd'])).toThrow(message);
  });

  it('that nobody offers is refused, granted or not', () => {
    const why = 'which the kernel does not offer';
    expect(() => bind(imported('env', 'abort'), ['env.abort'])).toThrow(why);
    expect(() => bind(imported('cpu', 'rdmsr'), ['cpu.*'])).toThrow(why);
    expect(() => bind(imported('tacit', 'toString'), ['tacit.*'])).toThrow(why);
  });

  it('whose type differs from the kernel’s is refused', () => {
    const wrong = imported('wasi_snapshot_preview1', 'fd_seek', ['i32', 'i32']);
    expect(() => bind(wrong, ['wasi_snapshot_preview1.*'])).toThrow('whose type is not');
  });

  it('that is no function is refused', () => {
    const memory: ObjectImport = {
      module: 'env',
      name: 'memory',
      kind: 'memory',
      limits: { min: 1, max: undefined },
      shared: false,
    };
    expect(() => bind(memory, ['env.*'])).toThrow('a memory: only functions can be granted');
  });

  it('of volatile accesses is an instruction, which needs no grant', () => {
    expect(bind(imported('volatile', 'load32', ['i32']), [])).toMatchObject({ kind: 'intrinsic' });
  });
});

describe('a grant', () => {
  const names = (...imports: string[]) => grantsOf(imports, kernel).map(({ name }) => name);

  it('is a function that the kernel offers, or all of a module', () => {
    expect(names('tacit.report')).toEqual(['tacit.report']);
    expect(names('wasi_snapshot_preview1.*')).toEqual(['wasi_snapshot_preview1.fd_seek']);
  });

  it.each(['tacit.rapport', 'nowhere.*', 'kernel.report'])('of %s is refused', (name) => {
    expect(() => names('tacit.report', name)).toThrow(UserError);
    expect(() => names(name)).toThrow(`the manifest grants ${name}`);
  });
});

describe('an import of the kernel', () => {
  it('is an instruction, an address in the image, or a stub', () => {
    expect(bindKernel(imported('cpu', 'rdmsr'))).toMatchObject({ kind: 'intrinsic' });
    expect(bindKernel(imported('image', 'info'))).toEqual({
      kind: 'address',
      symbol: 'image.info',
    });
    expect(bindKernel(imported('boot', 'enter'))).toEqual({ kind: 'symbol', symbol: 'boot!enter' });
  });

  it('of anything else is met by nothing', () => {
    expect(bindKernel(imported('env', 'abort'))).toBeUndefined();
  });
});
