/**
 * What goes between a test and the program that runs instructions on this machine's CPU.
 *
 * In: registers, XMM, MXCSR, code, data. Out: registers, XMM, MXCSR, data, where the registers are
 * the signal frame's: r8 … r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags, cs and its
 * company, err, trapno (Linux, arch/x86/include/uapi/asm/sigcontext.h).
 */
export const REGISTERS = 21 * 8;
export const XMM = 256;
export const CODE_SIZE = 16;
export const DATA_SIZE = 512;

export const IN = {
  registers: 0,
  xmm: REGISTERS,
  mxcsr: REGISTERS + XMM,
  data: REGISTERS + XMM + 8,
  code: REGISTERS + XMM + 8 + DATA_SIZE,
  size: REGISTERS + XMM + 8 + DATA_SIZE + CODE_SIZE,
} as const;

/** The same without the code. */
export const OUT_SIZE = IN.code;

/** Places of the registers in the frame, by their number in instructions. */
export const FRAME = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7] as const;
export const FRAME_RIP = 16;
export const FRAME_FLAGS = 17;
export const FRAME_CS = 18;
export const FRAME_TRAP = 20;

/** Linear addresses of the instruction and of the data window, here and in the emulator. */
export const CODE = 0x40_0000;
export const DATA = 0x60_0000;
/** The window begins in the middle of a page. */
export const WINDOW = DATA + 0xf00;

/** Linux's user code segments, 64 and 32 bits. */
export const CS64 = 0x33;
export const CS32 = 0x23;

/** A state of the machine around one instruction. */
export interface State {
  /** General registers by number. */
  registers: bigint[];
  rip: bigint;
  flags: bigint;
  xmm: Uint8Array;
  mxcsr: number;
  data: Uint8Array;
}

export interface Outcome extends State {
  /** Vector of the exception that ended it: 1, a single step, when the instruction was executed. */
  vector: number;
}

export function encodeInput(state: State, code: Uint8Array, mode: 32 | 64): Uint8Array {
  const bytes = new Uint8Array(IN.size);
  const view = new DataView(bytes.buffer);
  const set = (slot: number, value: bigint) =>
    view.setBigUint64(slot * 8, BigInt.asUintN(64, value), true);
  state.registers.forEach((value, n) => {
    set(FRAME[n] as number, value);
  });
  set(FRAME_RIP, state.rip);
  set(FRAME_FLAGS, state.flags);
  // SS is the segment's fourth word; Linux loads it from here too.
  set(FRAME_CS, (0x2bn << 48n) | BigInt(mode === 64 ? CS64 : CS32));
  bytes.set(state.xmm, IN.xmm);
  view.setUint32(IN.mxcsr, state.mxcsr, true);
  bytes.set(state.data, IN.data);
  bytes.set(code, IN.code);
  return bytes;
}

export function decodeOutput(bytes: Uint8Array): Outcome {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const get = (slot: number) => view.getBigUint64(slot * 8, true);
  return {
    registers: FRAME.map(get),
    rip: get(FRAME_RIP),
    flags: get(FRAME_FLAGS),
    vector: Number(get(FRAME_TRAP)),
    xmm: bytes.slice(IN.xmm, IN.mxcsr),
    mxcsr: view.getUint32(IN.mxcsr, true),
    data: bytes.slice(IN.data, IN.code),
  };
}
