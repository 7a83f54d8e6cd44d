import { describe, expect, it } from 'vitest';
import { compileText } from '../../../test/compiled.ts';
import { growStub, tableStub } from './grow-stub.ts';

const GROWING = `(module (memory 1) (table 1 externref)
  (func (drop (memory.grow (i32.const 1))))
  (func (drop (table.grow (ref.null extern) (i32.const 1)))))`;

const names = (part: ReturnType<typeof growStub>) => part?.symbols.map(({ name }) => name);

describe('what a compartment grows by', () => {
  it('is there for a module that grows', () => {
    const object = compileText(GROWING);
    expect(names(growStub(object, 2))).toEqual(['m!memory_grow']);
    expect(names(tableStub(object))).toEqual(['m!table_grow']);
  });

  it('is not there for one that does not', () => {
    const object = compileText('(module (memory 1) (table 1 externref))');
    expect(growStub(object, 2)).toBeUndefined();
    expect(tableStub(object)).toBeUndefined();
  });

  it('refuses a table more than its capacity', () => {
    const text = tableStub(compileText(GROWING))?.sections.text?.bytes;
    expect(Array.from(text ?? [])).toEqual([0xb8, 0xff, 0xff, 0xff, 0xff, 0xc3]);
  });
});
