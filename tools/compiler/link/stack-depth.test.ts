import { describe, expect, it } from 'vitest';
import { buildKernel } from '../../image/build.ts';
import type { ObjectRelocation, WasmObject } from '../object.ts';
import { checkStacks, stackDepths } from './stack-depth.ts';
import { objectWith } from './test-objects.ts';

const NAMES = ['main', 'trap', 'memory_grow', 'leaf'];

/** A call in one of the functions of {@link kernel}, of 16 bytes each, to another, or to a stub. */
function call(from: string, to: string): ObjectRelocation {
  const offset = NAMES.indexOf(from) * 16 + 1;
  return { section: 'text', offset, kind: 'rel32', symbol: to, addend: -4 };
}

/** Whose functions have frames of 0, 8, 16 and 24 bytes, and call each other so. */
function kernel(...relocations: ObjectRelocation[]): WasmObject {
  return { ...objectWith('kernel', NAMES), relocations };
}

/** With the frame of one function so large. */
function withFrame(object: WasmObject, name: string, frameSize: number): WasmObject {
  const functions = object.functions.map((each) =>
    each.symbol === `kernel!${name}` ? { ...each, frameSize } : each,
  );
  return { ...object, functions };
}

describe('the depth of a stack', () => {
  it('is that of the deepest way down, return addresses included', () => {
    const depths = stackDepths(
      kernel(
        call('main', 'kernel!trap'),
        call('main', 'kernel!memory_grow'),
        call('memory_grow', 'kernel!leaf'),
      ),
    );
    expect(depths('kernel!leaf')).toBe(24 + 8);
    expect(depths('kernel!main')).toBe(0 + 8 + (16 + 8) + (24 + 8));
  });

  it('has room for what a stub pushes', () => {
    expect(stackDepths(kernel(call('main', 'boot!wait')))('kernel!main')).toBe(8 + 8 + 6 * 8);
  });

  it('is not known of what calls itself', () => {
    const depths = stackDepths(
      kernel(call('main', 'kernel!leaf'), call('leaf', 'kernel!trap'), call('trap', 'kernel!leaf')),
    );
    expect(() => depths('kernel!main')).toThrow(
      'unlinkable: the kernel calls itself: kernel!main > kernel!leaf > kernel!trap > kernel!leaf',
    );
  });

  it('is not known of what is called by its address', () => {
    const entry = { section: 'data', offset: 0, kind: 'abs64', symbol: 'kernel!leaf' } as const;
    expect(() => stackDepths(kernel({ ...entry, addend: 0 }))).toThrow(
      'unlinkable: the kernel has the address of kernel!leaf in its data',
    );
    expect(() => stackDepths(kernel({ ...entry, addend: 8 }))).not.toThrow();
  });
});

describe('the stacks of an image', () => {
  it('have room for the kernel that ships, and for exceptions within each other', async () => {
    const { object } = await buildKernel();
    expect(() => checkStacks(object)).not.toThrow();
  });

  it.each([
    ['trap', 1500, 'a stack of exceptions, which is 8192'],
    ['main', 65_000, "the kernel's stack, which is 65536"],
    ['memory_grow', 7000, "what is in hand of a compartment's stack, which is 8192"],
  ])('have none for a kernel whose %s needs %i bytes', (name, size, stack) => {
    expect(() => checkStacks(kernel())).not.toThrow();
    expect(() => checkStacks(withFrame(kernel(), name, size))).toThrow(stack);
  });
});
