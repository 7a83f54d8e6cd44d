import type { Field, Layout, Scalar } from '../../spec/layout.ts';

/** What a file of layouts exports: layouts, and numbers of the same interface. */
export type LayoutModule = Readonly<Record<string, Layout | number | bigint>>;

/**
 * AssemblyScript for one file of layouts: an unmanaged class each, laid over memory with
 * `changetype`, whose accessors compile to a single load or store. Those of shared memory go
 * through the `volatile` imports, which the optimizer can neither merge, drop nor repeat (it
 * does all three to plain loads, and merges atomic ones), and which the compiler turns into one
 * instruction. `fileOf` names the module, as asc imports it, of a layout of another file.
 */
export function accessors(module: LayoutModule, fileOf: (layout: Layout) => string): string {
  const layouts = Object.values(module).filter((value) => typeof value === 'object');
  const numbers = Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'object' ? [] : [constant(name, value)],
  );
  return [
    ...imports(layouts, fileOf),
    ...(layouts.some(({ shared }) => shared) ? volatile : []),
    ...numbers,
    ...layouts.map(unmanagedClass),
  ].join('\n');
}

function constant(name: string, value: number | bigint): string {
  const type = value <= 0xffff_ffff ? 'u32' : 'u64';
  return `export const ${name}: ${type} = 0x${value.toString(16)};`;
}

function imports(layouts: readonly Layout[], fileOf: (layout: Layout) => string): string[] {
  const foreign = new Set<Layout>();
  for (const { fields } of layouts) {
    for (const field of Object.values(fields)) {
      if (field.kind !== 'struct' && field.kind !== 'array') continue;
      const used = field.of();
      if (!layouts.includes(used)) foreign.add(used);
    }
  }
  return [...foreign].map((layout) => `import { ${layout.name} } from '${fileOf(layout)}';`);
}

const scalars: readonly Scalar[] = ['u8', 'u16', 'u32', 'u64'];
const volatile = scalars.flatMap((type) => {
  const width = type.slice(1);
  return [
    `@external("volatile", "load${width}") declare function volatileLoad_${type}(p: usize): ${type};`,
    `@external("volatile", "store${width}") declare function volatileStore_${type}(p: usize, v: ${type}): void;`,
  ];
});

function unmanagedClass({ name, size, shared, fields }: Layout): string {
  const access = shared ? sharedAccess : privateAccess;
  const members = Object.entries(fields).flatMap(([field, f]) => accessor(field, f, access));
  return [
    `@unmanaged export class ${name} {`,
    `static readonly SIZE: usize = ${size};`,
    ...members,
    '}',
  ].join('\n');
}

interface Access {
  load(type: Scalar, offset: number): string;
  store(type: Scalar, offset: number, value: string): string;
  /** Whether a bit field may be set in place, which reads the word that it is part of. */
  readonly bitFieldsCanBeSet: boolean;
}

const self = 'changetype<usize>(this)';

const privateAccess: Access = {
  load: (type, offset) => `load<${type}>(${self}, ${offset})`,
  store: (type, offset, value) => `store<${type}>(${self}, ${value}, ${offset})`,
  bitFieldsCanBeSet: true,
};

const sharedAccess: Access = {
  load: (type, offset) => `volatileLoad_${type}(${self} + ${offset})`,
  store: (type, offset, value) => `volatileStore_${type}(${self} + ${offset}, ${value})`,
  bitFieldsCanBeSet: false,
};

function accessor(name: string, field: Field, access: Access): string[] {
  const { kind, offset } = field;
  switch (kind) {
    case 'bytes':
      return [`get ${name}(): usize { return ${self} + ${offset}; }`];
    case 'struct': {
      const { name: type } = field.of();
      return [`get ${name}(): ${type} { return changetype<${type}>(${self} + ${offset}); }`];
    }
    case 'array': {
      const { name: type, size } = field.of();
      const at = `${self} + ${offset} + i * ${size}`;
      return [`${name}(i: u32): ${type} { return changetype<${type}>(${at}); }`];
    }
    case 'bits': {
      const mask = `<u64>0x${((1n << BigInt(field.width)) - 1n).toString(16)}`;
      const word = access.load('u64', offset);
      const rest = `(${word} & ~(${mask} << ${field.shift}))`;
      const value = `((v & ${mask}) << ${field.shift})`;
      const get = `get ${name}(): u64 { return (${word} >> ${field.shift}) & ${mask}; }`;
      const set = `set ${name}(v: u64) { ${access.store('u64', offset, `${rest} | ${value}`)}; }`;
      return access.bitFieldsCanBeSet ? [get, set] : [get];
    }
    default:
      return [
        `get ${name}(): ${kind} { return ${access.load(kind, offset)}; }`,
        `set ${name}(v: ${kind}) { ${access.store(kind, offset, 'v')}; }`,
      ];
  }
}
