/** An S-expression of the text format: a list, a word, or a string (its bytes). */
export type Expression = Word | Text | List;

export interface Word {
  readonly kind: 'word';
  readonly text: string;
}

export interface Text {
  readonly kind: 'text';
  readonly bytes: Uint8Array;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly Expression[];
  /** The list as it was written. */
  readonly source: string;
  /** The line that it starts in, from 1. */
  readonly line: number;
}

/** Reads all top-level lists of a script. Wasm §6.3 (lexical format). */
export function readExpressions(source: string): List[] {
  const reader = new Reader(source);
  const lists: List[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (next.kind !== 'list') throw new SyntaxError(`a list expected, got ${next.kind}`);
    lists.push(next);
  }
  return lists;
}

/** Spaces and comments; block comments nest, which `skip` sees to. */
const SPACE = /(?:\s|;;[^\n]*)*/y;
const WORD = /[^\s()";]+/y;
const STRING = /"((?:[^"\\]|\\.)*)"/sy;

class Reader {
  private at = 0;
  private readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** The next expression, or undefined at the end. */
  next(): Expression | undefined {
    this.skip();
    if (this.at >= this.source.length) return undefined;
    const character = this.source[this.at];
    if (character === '(') return this.list();
    if (character === '"') return { kind: 'text', bytes: bytesOf(this.match(STRING)) };
    return { kind: 'word', text: this.match(WORD) };
  }

  private list(): List {
    const start = this.at;
    this.at += 1;
    const items: Expression[] = [];
    for (;;) {
      this.skip();
      if (this.source[this.at] === ')') break;
      const item = this.next();
      if (item === undefined) throw new SyntaxError(`line ${this.lineOf(start)}: ) is missing`);
      items.push(item);
    }
    this.at += 1;
    const source = this.source.slice(start, this.at);
    return { kind: 'list', items, source, line: this.lineOf(start) };
  }

  private skip(): void {
    for (;;) {
      this.match(SPACE);
      if (!this.source.startsWith('(;', this.at)) return;
      let depth = 0;
      do {
        if (this.source.startsWith('(;', this.at)) {
          depth += 1;
          this.at += 2;
        } else if (this.source.startsWith(';)', this.at)) {
          depth -= 1;
          this.at += 2;
        } else {
          this.at += 1;
        }
      } while (depth > 0 && this.at < this.source.length);
    }
  }

  /** What `pattern` matches here, its first group if it has one. */
  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (!found) throw new SyntaxError(`line ${this.lineOf(this.at)}: cannot be read`);
    this.at = pattern.lastIndex;
    return found[1] ?? found[0];
  }

  private lineOf(at: number): number {
    return this.source.slice(0, at).split('\n').length;
  }
}

const simpleEscapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** The bytes of a string literal. Wasm §6.3.3. */
function bytesOf(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [part] of text.matchAll(/\\u\{[0-9a-f_]+\}|\\[0-9a-f]{2}|\\.|[^\\]+/gis)) {
    if (/^\\[0-9a-f]{2}$/i.test(part))
      parts.push(Uint8Array.of(Number.parseInt(part.slice(1), 16)));
    else parts.push(new TextEncoder().encode(characterOf(part)));
  }
  return Buffer.concat(parts);
}

function characterOf(part: string): string {
  if (part.startsWith('\\u{')) {
    return String.fromCodePoint(Number.parseInt(part.slice(3, -1).replaceAll('_', ''), 16));
  }
  if (!part.startsWith('\\')) return part;
  const letter = part.slice(1);
  return simpleEscapes[letter] ?? letter;
}
