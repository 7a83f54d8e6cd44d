/**
 * The memory controller: every frame is held as plaintext of the key it was last used under.
 *
 * A key slot is an id with the schedules of its data key (both directions) and of its tweak key.
 * Block j of the page at address A is C = E(P ^ T) ^ T with T = x^j · Etweak(A) in GF(2^128): AES in XEX mode, as
 * SEV's memory encryption is documented to be (APM2 §15.34.1 leaves the tweak to the implementation). On demand T is
 * linear in the address and nobody's secret, as on Zen 1: ../linear-tweak.ts.
 */
import * as Region from '../memory-map';
import { decryptBlock, encryptBlock, expandKey, invertSchedule, SCHEDULE_SIZE } from './aes';
import { dropCode } from './code';
import * as Control from './control';
import { frameBytes, frameInfo, noteChange, noteWrite, systemFrames } from './machine';
import { flushTlbs } from './tlb';

const ID: usize = 0;
const DATA: usize = 16;
const INVERSE: usize = DATA + SCHEDULE_SIZE;
const TWEAK: usize = INVERSE + SCHEDULE_SIZE;

const tweak: usize = memory.data(16, 16);

function slotAddress(slot: u32): usize {
  return Region.KEYS + slot * Region.KEY_SLOT_SIZE;
}

/** The slot of a key id, 0 if it has none. */
export function keySlot(id: u32): u32 {
  for (let slot: u32 = 1; slot < Region.KEY_SLOTS; slot++) {
    if (load<u32>(slotAddress(slot) + ID) === id) return slot;
  }
  return 0;
}

/** Sets the keys of `id` to the two at `keys`. Gives its slot, 0 if all are taken. */
export function setKey(id: u32, keys: usize): u32 {
  let slot = keySlot(id);
  if (slot !== 0) {
    // The old key is gone: what was held under it is from now on only its ciphertext.
    for (let frame: u32 = 0; frame < systemFrames; frame++) {
      if (load<u8>(frameInfo(frame), Region.FRAME_KEY) === slot) holdUnder(frame, 0);
    }
  } else {
    slot = keySlot(0);
    if (slot === 0) return 0;
  }
  const at = slotAddress(slot);
  store<u32>(at + ID, id);
  expandKey(keys, at + DATA);
  invertSchedule(at + DATA, at + INVERSE);
  expandKey(keys + 16, at + TWEAK);
  return slot;
}

/** Number of the block that a linear tweak is of, in all of memory. */
let block: u32 = 0;

/** Sets `tweak` to the linear one of `block`: a word for each bit of its number, four times over. */
function setLinearTweak(): void {
  let word: u32 = 0;
  let n: u32 = 0;
  for (let left = block; left !== 0; left >>= 1) {
    n += 0x9e37_79b1;
    let mixed = (n ^ (n >> 15)) * 0x85eb_ca6b;
    mixed ^= mixed >> 13;
    if ((left & 1) !== 0) word ^= mixed;
  }
  const twice = ((<u64>word) << 32) | word;
  store<u64>(tweak, twice);
  store<u64>(tweak, twice, 8);
}

/** Sets `tweak` to that of the first block of a frame. */
function startTweak(slot: u32, frame: u32): void {
  if (load<u8>(Control.LINEAR_TWEAK) !== 0) {
    block = frame << 8;
    setLinearTweak();
    return;
  }
  store<u64>(tweak, (<u64>frame) << 12);
  store<u64>(tweak, 0, 8);
  encryptBlock(slotAddress(slot) + TWEAK, tweak);
}

/** Goes to the next block: multiplies `tweak` by x in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1. */
function nextTweak(): void {
  if (load<u8>(Control.LINEAR_TWEAK) !== 0) {
    block++;
    setLinearTweak();
    return;
  }
  const low = load<u64>(tweak);
  const high = load<u64>(tweak, 8);
  store<u64>(tweak, (low << 1) ^ ((high >> 63) * 0x87));
  store<u64>(tweak, (high << 1) | (low >> 63), 8);
}

function whiten(at: usize): void {
  store<u64>(at, load<u64>(at) ^ load<u64>(tweak));
  store<u64>(at, load<u64>(at, 8) ^ load<u64>(tweak, 8), 8);
}

function encryptAt(slot: u32, at: usize): void {
  whiten(at);
  encryptBlock(slotAddress(slot) + DATA, at);
  whiten(at);
}

function decryptAt(slot: u32, at: usize): void {
  whiten(at);
  decryptBlock(slotAddress(slot) + INVERSE, at);
  whiten(at);
}

/** Turns the page at `bytes`, held by `frame` under `held`, into what a view under `slot` sees. */
function convert(bytes: usize, frame: u32, held: u32, slot: u32): void {
  if (held !== 0) {
    startTweak(held, frame);
    for (let at = bytes; at < bytes + 4096; at += 16) {
      encryptAt(held, at);
      nextTweak();
    }
  }
  if (slot !== 0) {
    startTweak(slot, frame);
    for (let at = bytes; at < bytes + 4096; at += 16) {
      decryptAt(slot, at);
      nextTweak();
    }
  }
}

/**
 * Copies the 16-byte blocks that hold bytes `offset` to `offset + n` of a frame to `to`, as a view under
 * `slot` sees them. The frame stays as it is.
 */
export function peekUnder(frame: u32, offset: u32, n: u32, slot: u32, to: usize): void {
  const held: u32 = load<u8>(frameInfo(frame), Region.FRAME_KEY);
  const from = offset & ~15;
  const end = (offset + n + 15) & ~15;
  memory.copy(to, frameBytes(frame) + from, end - from);
  for (let pass: u32 = 0; pass < 2; pass++) {
    const by = pass === 0 ? held : slot;
    if (by === 0) continue;
    startTweak(by, frame);
    for (let at: u32 = 0; at < from; at += 16) nextTweak();
    for (let at = to; at < to + (end - from); at += 16) {
      if (pass === 0) encryptAt(by, at);
      else decryptAt(by, at);
      nextTweak();
    }
  }
}

/** As {@link holdUnder}, where every byte is about to be written: nothing is converted. */
export function takeOver(frame: u32, slot: u32): void {
  const info = frameInfo(frame);
  store<u8>(info, <u8>slot, Region.FRAME_KEY);
  noteChange(info);
  flushTlbs();
  dropCode(frame);
}

/** Makes the frame hold its bytes under `slot`; slot 0 holds what is in the chips. */
export function holdUnder(frame: u32, slot: u32): void {
  const info = frameInfo(frame);
  const held: u32 = load<u8>(info, Region.FRAME_KEY);
  if (held === slot) return;
  convert(frameBytes(frame), frame, held, slot);
  store<u8>(info, <u8>slot, Region.FRAME_KEY);
  noteChange(info);
  // Whoever still has the frame mapped, has it under the other key.
  flushTlbs();
  dropCode(frame);
}

/**
 * Copies `size` bytes at `spa`, within one frame, to `buffer`, as a view under `slot` sees them.
 * The buffer has room for a page.
 */
export function readUnder(spa: u32, size: u32, slot: u32, buffer: usize): void {
  const frame = spa >> 12;
  const offset = spa & 0xfff;
  const held: u32 = load<u8>(frameInfo(frame), Region.FRAME_KEY);
  const bytes = frameBytes(frame);
  if (held === slot) {
    memory.copy(buffer, bytes + offset, size);
    return;
  }
  memory.copy(buffer, bytes, 4096);
  convert(buffer, frame, held, slot);
  memory.copy(buffer, buffer + offset, size);
}

/** Writes `size` bytes, within one frame, through a view under `slot`. */
export function writeUnder(spa: u32, size: u32, slot: u32, buffer: usize): void {
  const frame = spa >> 12;
  const info = frameInfo(frame);
  const held: u32 = load<u8>(info, Region.FRAME_KEY);
  const bytes = frameBytes(frame);
  noteWrite(info);
  dropCode(frame);
  if (held !== slot && size < 4096) {
    memory.copy(Region.BOUNCE, bytes, 4096);
    convert(Region.BOUNCE, frame, held, slot);
    memory.copy(Region.BOUNCE + (spa & 0xfff), buffer, size);
    convert(Region.BOUNCE, frame, slot, held);
    memory.copy(bytes, Region.BOUNCE, 4096);
    return;
  }
  memory.copy(bytes + (spa & 0xfff), buffer, size);
  if (held !== slot) {
    store<u8>(info, <u8>slot, Region.FRAME_KEY);
    flushTlbs();
  }
}
