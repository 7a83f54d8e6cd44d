/** A place in a source file: lines count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

/** Finds the source of the Wasm instruction at an offset from the start of the module. */
export type SourceMap = (wasmOffset: number) => SourcePlace | undefined;

interface Mapping extends SourcePlace {
  readonly wasmOffset: number;
}

/**
 * Reads a source map (version 3) of a Wasm module: one line, whose columns are offsets into the
 * module. A segment holds from its column to the next segment's.
 *
 * @throws RangeError or SyntaxError if the text is no such map.
 */
export function readSourceMap(text: string): SourceMap {
  const mappings = decode(text);
  return (wasmOffset) => {
    let low = 0;
    let high = mappings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((mappings[middle]?.wasmOffset ?? 0) <= wasmOffset) low = middle + 1;
      else high = middle;
    }
    const found = mappings[low - 1];
    return found && { file: found.file, line: found.line };
  };
}

function decode(text: string): Mapping[] {
  const { version, sources, mappings } = Object(JSON.parse(text));
  if (version !== 3 || !Array.isArray(sources) || typeof mappings !== 'string') {
    throw new RangeError('source map expected version 3 with sources and mappings');
  }
  const result: Mapping[] = [];
  let wasmOffset = 0;
  let source = 0;
  let line = 0;
  for (const segment of mappings.split(',')) {
    const [column = 0, sourceStep, lineStep] = variableLengthQuantities(segment);
    wasmOffset += column;
    if (sourceStep === undefined || lineStep === undefined) continue;
    source += sourceStep;
    line += lineStep;
    const file = sources[source];
    // A source that has no name.
    if (file === null) continue;
    if (typeof file !== 'string') throw new RangeError(`source map has no source ${source}`);
    result.push({ wasmOffset, file, line: line + 1 });
  }
  return result;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base-64 digits of five bits, least first, with a bit to go on; the sign is the lowest bit. */
function variableLengthQuantities(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = DIGITS.indexOf(character);
    if (digit < 0)
      throw new RangeError(`source map has ${JSON.stringify(character)} in its mappings`);
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value % 2 ? -Math.floor(value / 2) : value / 2);
    value = 0;
    shift = 0;
  }
  return numbers;
}
