import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../../test/random.ts';
import { wat } from '../../test/wat.ts';
import { makeExecutable } from '../compiler/linux/executable.ts';
import { compileRuntime } from '../compiler/linux/runtime.ts';
import { UserError } from '../errors.ts';
import { checkImage, readProgram } from './check.ts';

let executable: Uint8Array;
beforeAll(async () => {
  const module = `(module (memory 1) (table 1 funcref) (elem (i32.const 0) $f)
    (func $f (export "f") (param i32) (result i32) (i32.load (local.get 0))))`;
  executable = makeExecutable({ wasm: wat(module) }, [], await compileRuntime());
});

describe('segments', () => {
  it.each([0, 1, 2, 3, 4, 5, 6])('can not be writable and executable (program header %i)', (i) => {
    const file = executable.slice();
    const header = 64 + 56 * i;
    const data = new DataView(file.buffer);
    const [type, flags] = [data.getUint32(header, true), data.getUint32(header + 4, true)];
    if (type !== 1) return;
    data.setUint32(header + 4, flags | 3, true);
    expect(
      checkImage(file)
        .violations.map(({ rule }) => rule)
        .join(),
    ).toMatch(/a segment is writable and executable/);
  });
});

describe('another file', () => {
  it.each([
    ['nothing', new Uint8Array()],
    ['a text', new TextEncoder().encode('#!/bin/sh')],
    ['the start of an ELF file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46)],
  ])('is refused: %s', (_, file) => {
    expect(() => checkImage(file)).toThrow(UserError);
  });

  it('is read or refused, whatever is damaged in it', () => {
    const next = random();
    for (let i = 0; i < 200; i++) {
      const file = executable.slice();
      for (let k = 0; k <= next() % 4; k++) file[next() % (i % 2 ? file.length : 1024)] = next();
      try {
        readProgram(file);
      } catch (error) {
        expect(error, next.seed).toBeInstanceOf(UserError);
      }
    }
  });
});
