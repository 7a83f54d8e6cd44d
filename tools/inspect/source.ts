import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../errors.ts';

/** Bytes that are read piece by piece, because a dump may be larger than memory. */
export interface Source {
  readonly size: number;
  /** `length` bytes from `offset`; both must lie in the source (checked: RangeError). */
  read(offset: number, length: number): Uint8Array;
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read(offset, length) {
      checkRange(offset, length, bytes.length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/**
 * Opens the file at `path`, hands it to `use`, and closes it. Throws UserError, which names the
 * file, if it cannot be read or `use` throws one.
 */
export function withFile<T>(path: string, use: (source: Source) => T): T {
  const file = open(path);
  try {
    return use(fileSource(file));
  } catch (error) {
    throw error instanceof UserError ? new UserError(`${path}: ${error.message}`) : error;
  } finally {
    closeSync(file);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function fileSource(file: number): Source {
  const stat = fstatSync(file);
  if (!stat.isFile()) throw new UserError('not a file');
  return {
    size: stat.size,
    read(offset, length) {
      checkRange(offset, length, stat.size);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(file, bytes, done, length - done, offset + done);
        if (count === 0) throw new UserError('became shorter while it was read');
        done += count;
      }
      return bytes;
    },
  };
}

function checkRange(offset: number, length: number, size: number): void {
  if (offset < 0 || length < 0 || offset + length > size) {
    throw new RangeError(`read of ${length} bytes at ${offset} expected within ${size}`);
  }
}
