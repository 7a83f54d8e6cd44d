import { describe, expect, it } from 'vitest';
import * as Igvm from '../../spec/igvm.ts';
import { elfFile, igvmFile, publishedFile, vpContext } from './launch/test-images.ts';
import { prepare } from './run.ts';
import { describe as describeEnd, exitCode, panic, type Termination } from './termination.ts';

const ELF = elfFile({
  entry: 0x10_0000,
  segments: [{ gpa: 0x10_0000, code: Uint8Array.of(0xf4) }],
});
const NATIVE = igvmFile(
  [[Igvm.SUPPORTED_PLATFORM, 1, 0x0001_0000, 0, 0], vpContext(24 + 24 + 32)],
  new Uint8Array(4096),
);

describe('the mode of a run', () => {
  it('is by default none for an ELF file, and the strongest that an IGVM file has', () => {
    expect(prepare(ELF, 'a.elf', {}).mode).toBe('none');
    expect(prepare(publishedFile(), 'a.igvm', {}).mode).toBe('snp');
  });

  it('is refused where the file does not fit, with the name of the one to use', () => {
    expect(() => prepare(ELF, 'out/a.elf', { mode: 'snp' })).toThrow(/use out\/a\.igvm$/);
    expect(() => prepare(publishedFile(), 'a.igvm', { mode: 'none' })).toThrow(/use a\.elf$/);
    expect(() => prepare(NATIVE, 'a.igvm', { mode: 'snp' })).toThrow(/an SNP platform$/);
    expect(() => prepare(new Uint8Array(9), 'a.txt', {})).toThrow(/neither an ELF nor an IGVM/);
  });
});

it.each<[Termination, number, RegExp | undefined]>([
  [{ kind: 'exit', code: 33 }, 33, undefined],
  [{ kind: 'idle' }, 0, undefined],
  [panic(7, 0x14), 3, /set 7 reason 0x14 PAGE_FAULT/],
  [{ kind: 'unimplemented', what: 'a part' }, 4, /a part/],
  [{ kind: 'limit' }, 5, /limit/],
  [{ kind: 'shutdown', cause: 'triple fault' }, 6, /triple fault/],
])('ends with the exit code of %o', (termination, code, text) => {
  expect(exitCode(termination)).toBe(code);
  const said = describeEnd(termination);
  if (text) expect(said).toMatch(text);
  else expect(said).toBeUndefined();
});
