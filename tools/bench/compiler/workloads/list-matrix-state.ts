/** A program of CoreMark's kind: a linked list, small matrices, a state machine over text; a CRC of it all. */

const ITEMS = 80;
const SIDE = 12;
const INPUT = 400;

@unmanaged
class Item {
  next: Item | null;
  value: i16;
  index: i16;
}

const items = memory.data(ITEMS * 8, 16);
const a = memory.data(SIDE * SIDE * 2, 16);
const b = memory.data(SIDE * SIDE * 2, 16);
const c = memory.data(SIDE * SIDE * 4, 16);
const input = memory.data(INPUT + 1, 16);
const counts = memory.data(64, 16);

function crc8(data: u32, crc: u32): u32 {
  let byte = data & 0xff;
  let result = crc;
  for (let i = 0; i < 8; i++) {
    const differs = (byte ^ result) & 1;
    byte >>>= 1;
    result >>>= 1;
    if (differs) result ^= 0xa001;
  }
  return result;
}

function crc16(data: u32, crc: u32): u32 {
  return crc8(data >>> 8, crc8(data, crc));
}

function makeList(): Item {
  for (let i = 0; i < ITEMS; i++) {
    const item = changetype<Item>(items + (((i * 37) % ITEMS) << 3));
    const next = items + ((((i + 1) * 37) % ITEMS) << 3);
    item.next = i === ITEMS - 1 ? null : changetype<Item>(next);
    item.value = <i16>((i * 0x1234) ^ (i << 3));
    item.index = <i16>i;
  }
  return changetype<Item>(items);
}

function find(list: Item | null, index: i32): Item | null {
  let item = list;
  while (item !== null && item.index !== index) item = item.next;
  return item;
}

function reverse(list: Item): Item {
  let done: Item | null = null;
  let item: Item | null = list;
  while (item !== null) {
    const next: Item | null = item.next;
    item.next = done;
    done = item;
    item = next;
  }
  return changetype<Item>(done);
}

/** Merge sort without recursion, runs of twice the length each time. By value, or back by index. */
function sort(list: Item, byIndex: bool): Item {
  let head: Item | null = list;
  let length = 1;
  let merges = 0;
  do {
    let left: Item | null = head;
    let tail: Item | null = null;
    head = null;
    merges = 0;
    while (left !== null) {
      merges++;
      let right: Item | null = left;
      let leftSize = 0;
      while (leftSize < length && right !== null) {
        leftSize++;
        right = right.next;
      }
      let rightSize = length;
      while (leftSize > 0 || (rightSize > 0 && right !== null)) {
        let item: Item | null;
        if (isBefore(leftSize > 0 ? left : null, rightSize > 0 ? right : null, byIndex)) {
          item = left;
          left = changetype<Item>(item).next;
          leftSize--;
        } else {
          item = right;
          right = changetype<Item>(item).next;
          rightSize--;
        }
        if (tail === null) head = item;
        else tail.next = item;
        tail = item;
      }
      left = right;
    }
    changetype<Item>(tail).next = null;
    length <<= 1;
  } while (merges > 1);
  return changetype<Item>(head);
}

/** Whether the next item is the left run's; null is a run that has ended. */
function isBefore(left: Item | null, right: Item | null, byIndex: bool): bool {
  if (left === null) return false;
  if (right === null) return true;
  return byIndex ? left.index <= right.index : left.value <= right.value;
}

function benchList(list: Item, seed: i32, start: u32): u32 {
  let crc = start;
  for (let i = 0; i < 16; i++) {
    const found = find(list, (i * 5 + seed) % (ITEMS + 5));
    if (found !== null) crc = crc16(<u32>found.value, crc);
  }
  const sorted = sort(reverse(list), false);
  let item: Item | null = sorted;
  for (let i = 0; i < 10 && item !== null; i++) {
    crc = crc16(<u32>item.value, crc);
    item = item.next;
  }
  sort(sorted, true);
  return crc;
}

function element(matrix: usize, row: i32, column: i32): i32 {
  return load<i16>(matrix + ((row * SIDE + column) << 1));
}

function multiplyMatrices(): void {
  for (let i = 0; i < SIDE; i++) {
    for (let j = 0; j < SIDE; j++) {
      let sum = 0;
      for (let k = 0; k < SIDE; k++) sum += element(a, i, k) * element(b, k, j);
      store<i32>(c + ((i * SIDE + j) << 2), sum);
    }
  }
}

/** The products' middle bits; the sign of what rises and what falls. */
function sumMatrix(clip: i32): i32 {
  let total = 0;
  let before = 0;
  let sum = 0;
  for (let i = 0; i < SIDE * SIDE; i++) {
    const value = load<i32>(c + (i << 2));
    sum += value;
    if (sum > clip) {
      total += 10;
      sum = 0;
    } else {
      total += value > before ? 1 : 0;
    }
    before = value;
  }
  return total;
}

function benchMatrix(seed: i32, start: u32): u32 {
  for (let i = 0; i < SIDE * SIDE; i++) {
    const at = (<usize>i) << 1;
    store<i16>(a + at, load<i16>(a + at) + <i16>seed);
  }
  multiplyMatrices();
  const crc = crc16(<u32>sumMatrix(seed << 8), start);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const at = (<usize>i) << 1;
    store<i16>(a + at, load<i16>(a + at) - <i16>seed);
  }
  return crc;
}

const START = 0;
const SIGN = 1;
const INTEGER = 2;
const FLOAT = 3;
const EXPONENT = 4;
const SCIENTIFIC = 5;
const INVALID = 6;

function isDigit(character: i32): bool {
  return character >= 0x30 && character <= 0x39;
}

/** The state in which a number of decimal digits, or what is none, leaves the machine: up to a comma. */
function scan(start: usize): usize {
  let state = START;
  let at = start;
  for (; load<u8>(at) !== 0 && state !== INVALID; at++) {
    const character: i32 = load<u8>(at);
    if (character === 0x2c) {
      at++;
      break;
    }
    switch (state) {
      case START:
        if (isDigit(character)) state = INTEGER;
        else if (character === 0x2b || character === 0x2d) state = SIGN;
        else state = character === 0x2e ? FLOAT : INVALID;
        break;
      case SIGN:
        if (isDigit(character)) state = INTEGER;
        else state = character === 0x2e ? FLOAT : INVALID;
        break;
      case INTEGER:
        if (character === 0x2e) state = FLOAT;
        else if (!isDigit(character)) state = INVALID;
        break;
      case FLOAT:
        if (character === 0x65 || character === 0x45) state = EXPONENT;
        else if (!isDigit(character)) state = INVALID;
        break;
      case EXPONENT:
        state = character === 0x2b || character === 0x2d ? SCIENTIFIC : INVALID;
        break;
      case SCIENTIFIC:
        if (!isDigit(character)) state = INVALID;
        break;
      default:
    }
  }
  const counter = counts + ((<usize>state) << 2);
  store<u32>(counter, load<u32>(counter) + 1);
  return at;
}

function makeInput(): void {
  const words =
    '5012,1234,-874,+122,35.54,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,T0.3e-1F,-T.T++Tq,1T3.4e4z,';
  for (let i = 0; i < INPUT; i++) store<u8>(input + i, words.charCodeAt(i % words.length));
  store<u8>(input + INPUT, 0);
}

function benchStates(seed: i32, start: u32): u32 {
  memory.fill(counts, 0, 64);
  const place = input + ((seed * 7) % INPUT);
  const kept = load<u8>(place);
  if (kept !== 0x2c) store<u8>(place, kept ^ (seed & 15));
  for (let at = input; load<u8>(at) !== 0; ) at = scan(at);
  store<u8>(place, kept);
  let crc = start;
  for (let state = START; state <= INVALID; state++) {
    crc = crc16(load<u32>(counts + ((<usize>state) << 2)), crc);
  }
  return crc;
}

/** `n` tens of rounds. */
export function run(n: i32): i32 {
  makeInput();
  for (let i = 0; i < SIDE * SIDE; i++) {
    store<i16>(a + ((<usize>i) << 1), <i16>(i * 7 - 300));
    store<i16>(b + ((<usize>i) << 1), <i16>(i ^ 0x55));
  }
  let crc: u32 = 0xffff;
  for (let i = 1; i <= n * 10; i++) {
    const list = makeList();
    crc = benchList(list, i & 63, crc);
    crc = benchMatrix(i & 31, crc);
    crc = benchStates(i, crc);
  }
  return crc;
}
