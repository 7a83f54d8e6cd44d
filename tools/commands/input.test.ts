import { describe, expect, it } from 'vitest';
import { root } from '../root.ts';
import { readInput } from './input.ts';

describe('a file that a user names', () => {
  it.each([
    ['is not there', 'no-such-file'],
    ['is a folder', root],
  ])('is named in the error when it %s', (_, file) => {
    expect(() => readInput(file)).toThrow(`cannot read ${file}: `);
  });
});
