import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../spec/layout.ts';
import { PscEntry } from '../spec/layouts/ghcb.ts';
import { root } from '../tools/root.ts';
import { evaluate, kernelHeaders } from './linux-headers/headers.ts';
import { counterparts, pscMask, pscMembers } from './linux-headers/layouts.ts';
import { numbers } from './linux-headers/numbers.ts';
import { witness } from './witness.ts';

/**
 * Files of spec/ whose numbers Linux's headers do not have: IGVM has a test vector, SNP's launch
 * known digests, a guest message a vector, and QEMU resets at the reset port.
 */
const notLinux = ['guest-message', 'igvm', 'launch', 'policy', 'reset'];

const gcc = witness('gcc');
const kernel = kernelHeaders();
const files = readdirSync(join(root, 'spec'))
  .filter((name) => /^(?!layout\.)[^.]+\.ts$/.test(name))
  .map((name) => name.replace('.ts', ''));

const values = new Map<string, bigint>();

describe.skipIf(!gcc || !kernel)('Linux’s headers (gcc, linux-headers-amd64)', () => {
  beforeAll(() => {
    const wanted = [
      ...Object.values(numbers).flatMap(({ linux }) => Object.values(linux)),
      ...counterparts.flatMap(({ layout, type, member }) => [
        `sizeof(${type})`,
        ...Object.keys(layout.fields).flatMap((field) => {
          const name = member(field);
          return name === undefined ? [] : [offset(type, name), size(type, name)];
        }),
      ]),
      ...Object.values(pscMembers).map(pscMask),
    ];
    const expressions = [...new Set(wanted)];
    const results = evaluate(gcc ?? '', kernel ?? '', expressions);
    for (const [i, expression] of expressions.entries()) values.set(expression, results[i] ?? -1n);
  });

  it.each(Object.keys(numbers))('have the same numbers as spec/%s.ts', async (file) => {
    const ours: Record<string, number> = await import(join(root, `spec/${file}.ts`));
    for (const [name, expression] of Object.entries(numbers[file]?.linux ?? {})) {
      expect(BigInt(ours[name] ?? -1), name).toBe(values.get(expression));
    }
  });

  it.each(counterparts)('lay $type out as our $layout.name', ({ layout, type, member, whole }) => {
    if (whole) expect(BigInt(layout.size)).toBe(values.get(`sizeof(${type})`));
    for (const [name, field] of Object.entries(layout.fields)) {
      const theirs = member(name);
      if (theirs === undefined) continue;
      expect(BigInt(field.offset), name).toBe(values.get(offset(type, theirs)));
      // An index into an array of bytes says where a field begins, not how long it is.
      if (theirs.endsWith(']')) continue;
      expect(BigInt(sizeOf(field)), `size of ${name}`).toBe(values.get(size(type, theirs)));
    }
  });

  it.each(Object.entries(pscMembers))('have a PSC entry’s %s in the same bits', (ours, theirs) => {
    const { shift, width } = PscEntry.fields[ours as keyof typeof pscMembers];
    const mask = ((1n << BigInt(width)) - 1n) << BigInt(shift);
    expect(values.get(pscMask(theirs))).toBe(mask);
  });
});

const offset = (type: string, member: string) => `offsetof(${type}, ${member})`;
const size = (type: string, member: string) => `sizeof(((${type} *)0)->${member})`;

describe('every number of spec', () => {
  it.each(files)(
    'is held against Linux’s headers, or known to be absent there: %s',
    async (file) => {
      if (notLinux.includes(file)) return;
      const ours = Object.keys(await import(join(root, `spec/${file}.ts`)));
      const { linux = {}, absent = [] } = numbers[file] ?? {};
      expect([...Object.keys(linux), ...absent].toSorted()).toEqual(ours.toSorted());
    },
  );
});
