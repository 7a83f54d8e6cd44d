import { type Layout, type View, view } from '../../../spec/layout.ts';
import * as Region from './memory-map.ts';

const PAGE = 4096;
const WASM_PAGE = 0x1_0000;
/** Bytes that one transfer through the interface moves at a time: within a frame. */
const STAGING = PAGE;

/** One core's memory: where its parts are, for a machine of a given size. */
export class CoreMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly data: DataView;
  readonly systemFrames: number;
  readonly gpaFrames: number;
  /** A page through which bytes pass between the two languages. */
  readonly staging: number;
  readonly nested: number;
  readonly code: number;
  readonly frames: number;

  constructor(systemFrames: number, gpaFrames: number) {
    this.systemFrames = systemFrames;
    this.gpaFrames = gpaFrames;
    this.staging = Region.FRAME_INFO + systemFrames * Region.FRAME_INFO_SIZE;
    this.staging = roundUp(this.staging, PAGE);
    this.nested = this.staging + STAGING;
    this.code = roundUp(this.nested + gpaFrames * 8, PAGE);
    this.frames = roundUp(this.code + Region.CODE_SIZE, WASM_PAGE);
    const pages = Math.ceil((this.frames + systemFrames * PAGE) / WASM_PAGE);
    if (pages > 0xffff) {
      throw new RangeError(`system memory of ${systemFrames} frames does not fit into a core`);
    }
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer as ArrayBuffer);
    this.data = new DataView(this.memory.buffer);
  }

  view<L extends Layout>(layout: L, at: number): View<L> {
    return view(layout, this.bytes, at);
  }

  /** Address of the FrameInfo of a system frame. */
  frameInfo(frame: number): number {
    if (!(frame >= 0 && frame < this.systemFrames)) {
      throw new RangeError(`frame expected below ${this.systemFrames}, got ${frame}`);
    }
    return Region.FRAME_INFO + frame * Region.FRAME_INFO_SIZE;
  }

  /** Address of the nested page-table entry of a guest frame. */
  nestedEntry(gfn: number): number {
    if (!(gfn >= 0 && gfn < this.gpaFrames)) {
      throw new RangeError(`gfn expected below ${this.gpaFrames}, got ${gfn}`);
    }
    return this.nested + gfn * 8;
  }

  /** Registers, control area and keys: what is state besides frames and what is known about them. */
  registers(): readonly Uint8Array<ArrayBuffer>[] {
    return [
      this.bytes.subarray(Region.CPU, Region.BOUNCE),
      this.bytes.subarray(Region.KEYS, Region.KEYS + Region.KEY_SLOTS * Region.KEY_SLOT_SIZE),
    ];
  }

  /** The FrameInfos, as words. */
  frameInfos(): Uint32Array<ArrayBuffer> {
    const words = (this.systemFrames * Region.FRAME_INFO_SIZE) / 4;
    return new Uint32Array(this.bytes.buffer, Region.FRAME_INFO, words);
  }

  /** The first `entries` of the nested page table. */
  nestedTable(entries: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.nested, this.nested + entries * 8);
  }

  /** All frames of system memory. */
  frameBytes(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.frames, this.frames + this.systemFrames * PAGE);
  }

  /** Collects `size` bytes from `spa`; `read` fills the staging page with each frame's part. */
  transfer(spa: number, size: number, read: (at: number, part: number, to: number) => void) {
    const result = new Uint8Array(size);
    this.#parts(spa, size, (at, part, done) => {
      read(at, part, this.staging);
      result.set(this.bytes.subarray(this.staging, this.staging + part), done);
    });
    return result;
  }

  /** Hands out `bytes` from `spa` on; `write` takes each frame's part from the staging page. */
  send(spa: number, bytes: Uint8Array, write: (at: number, part: number, from: number) => void) {
    this.#parts(spa, bytes.length, (at, part, done) => {
      this.bytes.set(bytes.subarray(done, done + part), this.staging);
      write(at, part, this.staging);
    });
  }

  #parts(spa: number, size: number, step: (at: number, part: number, done: number) => void) {
    if (!(spa >= 0 && spa + size <= this.systemFrames * PAGE)) {
      throw new RangeError(`spa ${spa.toString(16)} + ${size} is outside system memory`);
    }
    for (let done = 0; done < size; ) {
      const at = spa + done;
      const part = Math.min(size - done, PAGE - (at % PAGE));
      step(at, part, done);
      done += part;
    }
  }
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
