/** A walk over the words of a line. */

/** Where the walk is, and where the line ends. */
let at: usize = 0;
let end: usize = 0;

/** Names are decoded into this, if they are JSON strings. */
const NAME_CAPACITY: u32 = 0x1_0000;
const decoded: usize = memory.data(0x1_0000, 16);

let nameStart: usize = 0;
let nameLength: u32 = 0;

export function startAt(line: usize, size: u32): void {
  at = line;
  end = line + size;
}

/** The current place; ends of words are compared with it. */
export function here(): usize {
  return at;
}

export function atEnd(): bool {
  return at >= end;
}

export function peek(): u32 {
  return at < end ? load<u8>(at) : 0;
}

export function advance(bytes: usize): void {
  at += bytes;
}

export function skipSpaces(): void {
  while (at < end && (load<u8>(at) === 0x20 || load<u8>(at) === 0x0d)) at += 1;
}

/** Steps over `text` if it comes next. */
export function accept(text: string): bool {
  const size = text.length;
  if (at + size > end) return false;
  for (let i = 0; i < size; i++) {
    if (load<u8>(at + i) !== load<u16>(changetype<usize>(text) + ((<usize>i) << 1))) return false;
  }
  at += size;
  return true;
}

/** Steps over `word` if it comes next, and is not only the beginning of what does. */
export function acceptWord(word: string): bool {
  const start = at;
  if (accept(word) && at === wordEnd()) return true;
  at = start;
  return false;
}

/** The end of the word that starts here: a space, or the end of the line. */
export function wordEnd(): usize {
  let p = at;
  while (p < end && load<u8>(p) !== 0x20 && load<u8>(p) !== 0x0d) p += 1;
  return p;
}

/** UTF-8 of the name that {@link readName} read last. */
export function nameBytes(): usize {
  return nameStart;
}

export function nameSize(): u32 {
  return nameLength;
}

/** Makes the name that {@link readName} would have read: UTF-8 at `bytes`. */
export function setName(bytes: usize, size: u32): void {
  nameStart = bytes;
  nameLength = size;
}

/** Reads a name: bare letters, digits and `_.$-`, or a JSON string. False if it is neither. */
export function readName(): bool {
  if (peek() === 0x22) return readString();
  nameStart = at;
  while (at < end && isBare(load<u8>(at))) at += 1;
  nameLength = <u32>(at - nameStart);
  return nameLength > 0 && at === wordEnd();
}

function isBare(byte: u32): bool {
  if (byte - 0x30 < 10) return true;
  if ((byte | 0x20) - 0x61 < 26) return true;
  return byte === 0x5f || byte === 0x2e || byte === 0x24 || byte === 0x2d;
}

function readString(): bool {
  nameStart = decoded;
  nameLength = 0;
  at += 1;
  while (at < end) {
    const byte = load<u8>(at);
    at += 1;
    if (byte === 0x22) return at === wordEnd();
    if (byte < 0x20 || nameLength + 4 > NAME_CAPACITY) return false;
    if (byte !== 0x5c) append(byte);
    else if (!readEscape()) return false;
  }
  return false;
}

function append(byte: u32): void {
  store<u8>(decoded + nameLength, byte);
  nameLength += 1;
}

/** What follows a backslash. RFC 8259 §7. */
function readEscape(): bool {
  if (at >= end) return false;
  const letter = load<u8>(at);
  at += 1;
  switch (letter) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      append(letter);
      return true;
    case 0x62:
      append(0x08);
      return true;
    case 0x66:
      append(0x0c);
      return true;
    case 0x6e:
      append(0x0a);
      return true;
    case 0x72:
      append(0x0d);
      return true;
    case 0x74:
      append(0x09);
      return true;
    case 0x75:
      return readCodePoint();
    default:
      return false;
  }
}

/** What follows `\u`: four digits, and for a high surrogate the low one too. */
function readCodePoint(): bool {
  const first = readFourDigits();
  if (first < 0) return false;
  if (first < 0xd800 || first > 0xdfff) return appendUtf8(first);
  if (first > 0xdbff || !accept('\\u')) return false;
  const second = readFourDigits();
  if (second < 0xdc00 || second > 0xdfff) return false;
  return appendUtf8(0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff));
}

function readFourDigits(): i32 {
  if (at + 4 > end) return -1;
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(load<u8>(at + i));
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  at += 4;
  return value;
}

/** The value of a hexadecimal digit in either case, or -1. */
export function hexDigit(byte: u32): i32 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter < 6 ? <i32>letter + 10 : -1;
}

/** RFC 3629 §3. */
function appendUtf8(point: u32): bool {
  if (point < 0x80) {
    append(point);
    return true;
  }
  if (point < 0x800) {
    append(0xc0 | (point >>> 6));
  } else {
    if (point < 0x1_0000) {
      append(0xe0 | (point >>> 12));
    } else {
      append(0xf0 | (point >>> 18));
      append(0x80 | ((point >>> 12) & 0x3f));
    }
    append(0x80 | ((point >>> 6) & 0x3f));
  }
  append(0x80 | (point & 0x3f));
  return true;
}
