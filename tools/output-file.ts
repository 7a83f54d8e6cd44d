import {
  closeSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from './errors.ts';

/** A file that the user wants written. What is there is replaced when all of the new one is written, not before. */
export class OutputFile {
  readonly path: string;
  /** Where the bytes go until then: undefined for a device or a pipe, which takes them as they come. */
  readonly #temporary: string | undefined;
  readonly #file: number;

  /** @throws UserError if it cannot be opened */
  constructor(path: string, mode: number) {
    this.path = realPath(path);
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new UserError(`cannot write ${path}: it is a folder`);
    this.#temporary = found && !found.isFile() ? undefined : `${this.path}.new`;
    this.#file = this.#try(() => openSync(this.#temporary ?? this.path, 'w', mode));
  }

  /** Whether it is a file among files, which two could not share. */
  get isRegular(): boolean {
    return this.#temporary !== undefined;
  }

  /** Has `action` write to the descriptor that it is given. @throws UserError if that cannot be done */
  write(action: (file: number) => void): void {
    this.#try(() => action(this.#file));
  }

  /** Puts the file where it belongs. */
  keep(): void {
    closeSync(this.#file);
    const temporary = this.#temporary;
    if (temporary !== undefined) this.#try(() => renameSync(temporary, this.path));
  }

  /** Leaves everything as it was. */
  discard(): void {
    closeSync(this.#file);
    if (this.#temporary !== undefined) rmSync(this.#temporary, { force: true });
  }

  #try<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      throw new UserError(`cannot write ${this.path}: ${error.message}`);
    }
  }
}

/** What commands read, and what mode their outputs have. */
export interface OutputOptions {
  /** Files that must not be overwritten. */
  readonly inputs?: readonly string[];
  readonly mode?: number;
}

/**
 * Opens the files at `paths`, has `action` fill them, and keeps all of them, or none if it throws.
 *
 * @throws UserError if one cannot be written, is one of the inputs, or is there twice
 */
export function withOutputs<T>(
  paths: readonly string[],
  action: (files: readonly OutputFile[]) => T,
  { inputs = [], mode = 0o666 }: OutputOptions = {},
): T {
  const files: OutputFile[] = [];
  try {
    for (const path of paths) {
      if (inputs.some((input) => realPath(input) === realPath(path)))
        throw new UserError(`${path} would be overwritten by what is made of it`);
      const isTaken = files.some((file) => file.isRegular && file.path === realPath(path));
      if (isTaken) throw new UserError(`${path} is given for two outputs`);
      files.push(new OutputFile(path, mode));
    }
    const result = action(files);
    for (const file of files.splice(0)) file.keep();
    return result;
  } finally {
    for (const file of files) file.discard();
  }
}

/** Writes `content` to each path: all of them or none. As {@link withOutputs}. */
export function writeOutputs(
  contents: readonly (readonly [path: string, content: string | Uint8Array])[],
  options?: OutputOptions,
): void {
  const paths = contents.map(([path]) => path);
  withOutputs(
    paths,
    (files) => {
      for (const [i, [, content]] of contents.entries())
        files[i]?.write((file) => writeFileSync(file, content));
    },
    options,
  );
}

/** Where a path leads, through links; of a file that is not there, where it would be. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
