import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { UserError } from '../errors.ts';

/** The modes of running, weakest first; the index is the PLATFORM_* number of spec/abi/platform.ts. */
export const MODES = ['none', 'sev', 'sev-es', 'snp'] as const;
export type Mode = (typeof MODES)[number];

/** Index = HOST_* of spec/abi/platform.ts. */
export const HOSTS = ['kvm', 'hv'] as const;
export type Host = (typeof HOSTS)[number];

/** What `tacit.json` says of an image; docs/manifest.md describes it for users. */
export interface Manifest {
  /** The folder of the file: `program` is relative to it. */
  readonly folder: string;
  /** Of the image's files, and the program's argument 0. */
  readonly name: string;
  /** Source (`.ts`) or module (`.wasm`) of the program. */
  readonly program: string;
  /** The program's arguments after its name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where the image may run; anywhere else the guest ends before the program starts. */
  readonly modes: readonly Mode[];
  readonly host: Host;
  /** The most bytes that the program's memory may have: a multiple of 64 KiB. */
  readonly memory: number;
  /** RAM beyond this many bytes is accepted when it is first used; absent: all before the program starts. */
  readonly lazyAbove?: number;
  /** What the program may import: `MODULE.NAME`, or `MODULE.*`. */
  readonly imports: readonly string[];
  readonly drivers: readonly string[];
}

/** Reads a manifest. @throws UserError, one line with the file's name, if anything in it is wrong. */
export function readManifest(file: string): Manifest {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new UserError(`${file}: cannot be read`);
  }
  return parseManifest(text, dirname(resolve(file)), basename(file));
}

/** Checks the text of a manifest that lies in `folder`; `file` is what messages call it. */
export function parseManifest(text: string, folder: string, file: string): Manifest {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message.replace(/\s+/g, ' ')}`);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new UserError(`${file}: expected an object`);
  }
  const given = new Map(Object.entries(fields));
  const take = <T>(key: string, check: Check<T>, otherwise?: T): T => {
    const value = given.get(key);
    given.delete(key);
    if (value === undefined) {
      if (otherwise !== undefined) return otherwise;
      throw new UserError(`${file}: "${key}" is missing`);
    }
    const checked = check.read(value);
    if (checked === undefined) throw new UserError(`${file}: "${key}" expected ${check.expected}`);
    return checked;
  };
  const manifest: Manifest = {
    folder,
    name: take('name', imageName),
    program: take('program', programFile),
    args: take('args', list(text0), []),
    env: take('env', environment, {}),
    modes: take('modes', modes, ['snp']),
    host: take('host', oneOf(HOSTS), 'kvm'),
    memory: take('memory', memorySize, 64 * MIB),
    lazyAbove: take('lazyAbove', ramSize, Number.POSITIVE_INFINITY),
    imports: take('imports', list(importName), []),
    drivers: take('drivers', list(fileName), []),
  };
  for (const key of given.keys()) throw new UserError(`${file}: unknown key "${key}"`);
  return manifest;
}

/** Reads one value; undefined if it is not what is `expected`. */
interface Check<T> {
  readonly expected: string;
  read(value: unknown): T | undefined;
}

const MIB = 1024 * 1024;
const UNITS = new Map(Object.entries({ '': 1, K: 1024, M: MIB, G: 1024 * MIB }));

const string = (expected: string, pattern: RegExp): Check<string> => ({
  expected,
  read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
});

const fileName = string('a name of a-z, 0-9, "-" and "_"', /^[a-z0-9][a-z0-9_-]*$/);
/** Symbols of the program begin with its name, and these are taken. */
const imageName = string(
  `${fileName.expected}, not kernel, boot or image`,
  /^(?!(kernel|boot|image)$)[a-z0-9][a-z0-9_-]*$/,
);
const programFile = string('a path that ends in .ts or .wasm', /^.*\.(ts|wasm)$/);
// NUL ends an argument in the program's memory, so that none can hold it.
const text0 = string('a text without NUL', /^[^\0]*$/);
const importName = string('MODULE.NAME or MODULE.*', /^[^.\s]+\.(\*|[^*\s]+)$/);

function list<T>(of: Check<T>): Check<readonly T[]> {
  return {
    expected: `a list, each ${of.expected}`,
    read(value) {
      if (!Array.isArray(value)) return undefined;
      const items = value.map((item) => of.read(item));
      return items.every((item) => item !== undefined) ? items : undefined;
    },
  };
}

function oneOf<T extends string>(values: readonly T[]): Check<T> {
  return {
    expected: `one of ${values.join(', ')}`,
    read: (value) => values.find((known) => known === value),
  };
}

const modes: Check<readonly Mode[]> = {
  expected: `a list of one or more of ${MODES.join(', ')}, each once`,
  read(value) {
    const items = list(oneOf(MODES)).read(value);
    return items && items.length > 0 && new Set(items).size === items.length ? items : undefined;
  },
};

const environment: Check<Readonly<Record<string, string>>> = {
  expected: 'an object of texts without NUL, names without "="',
  read(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value);
    const good = entries.every(
      ([name, text]) => /^[^=]+$/.test(name) && text0.read(name) && text0.read(text) !== undefined,
    );
    return good ? Object.fromEntries(entries) : undefined;
  },
};

/** A size that is a multiple of `unit`, from that to `most`; `expected` says so. */
function sizeIn(unit: number, most: number, expected: string): Check<number> {
  return {
    expected,
    read(value) {
      const text = typeof value === 'number' ? String(value) : value;
      const [, digits, suffix = ''] =
        typeof text === 'string' ? (/^(\d+)([KMG]?)$/.exec(text) ?? []) : [];
      const size = Number(digits) * (UNITS.get(suffix) ?? Number.NaN);
      return size > 0 && size % unit === 0 && size <= most ? size : undefined;
    },
  };
}

const memorySize = sizeIn(
  0x1_0000,
  4096 * MIB,
  'bytes, or a size such as "512K", "64M" or "4G", a multiple of 64K up to 4G',
);
const ramSize = sizeIn(
  2 * MIB,
  2 ** 48,
  'bytes, or a size such as "64M" or "1G", a multiple of 2M',
);
