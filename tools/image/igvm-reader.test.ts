import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { view } from '../../spec/layout.ts';
import { IgvmHeader } from '../../spec/layouts/igvm.ts';
import { random } from '../../test/random.ts';
import { UserError } from '../errors.ts';
import { writeIgvm } from './igvm.ts';
import { launchOf, readIgvm } from './igvm-reader.ts';
import { ZERO_PAGE } from './launch.ts';
import { launchDigest } from './measure.ts';

const CASES = 2000;
const FIXED_SIZE = 32;

const good = writeIgvm({
  pages: [
    { gpa: 0x10_0000, bytes: new Uint8Array(4096).fill(7) },
    { gpa: 0x10_1000, bytes: ZERO_PAGE },
  ],
  entry: 0x10_0020,
  cpuidPage: 0x10_4000,
  secretsPage: 0x10_5000,
  memoryMapPage: 0x10_6000,
  environmentPage: 0x10_7000,
  vpCountOffset: 4,
  sevFeatures: 1n,
});
const headersEnd = FIXED_SIZE + view(IgvmHeader, good).variableHeaderSize;

/** Makes the checksum right again, where the file says that its headers are. */
function seal(file: Uint8Array): void {
  const header = view(IgvmHeader, file);
  header.checksum = 0;
  const start = header.variableHeaderOffset;
  const headers = file.subarray(start, start + header.variableHeaderSize);
  header.checksum = crc32(headers, crc32(file.subarray(0, FIXED_SIZE)));
}

it(`a damaged file is measured or refused in one line, ${CASES} times`, () => {
  const next = random();
  let measured = 0;
  for (let i = 0; i < CASES; i++) {
    const file = Uint8Array.from(good);
    for (let damage = 0; damage <= next() % 3; damage++) {
      const at = next() % headersEnd;
      file[at] = next() % 2 ? next() : ([0, 1, 0x7f, 0xff][next() % 4] as number);
    }
    seal(file);
    try {
      expect(launchDigest(launchOf(readIgvm(file)))).toHaveLength(48);
      measured++;
    } catch (error) {
      expect(error, next.seed).toBeInstanceOf(UserError);
      expect((error as Error).message, next.seed).not.toMatch(/\n/);
    }
  }
  // Else the damage is such that nothing is tested beyond the first checks.
  expect(measured, next.seed).toBeGreaterThan(CASES / 10);
  expect(measured, next.seed).toBeLessThan(CASES);
});
