import { bytes, layout, u16, u32, u64 } from '../layout.ts';

/**
 * What the linker of the `linux` target tells the run-time in the executable (tools/compiler/linux).
 *
 * Everything that is linked lies below 2 GiB, so an address takes 32 bits; only linear memories, the
 * stacks and what Linux hands over lie higher. All tables lie in rodata.
 */

/** The root: the symbol `linux.executable`. */
// biome-ignore format: a field a line
export const Executable = layout('Executable', 0x40, {
  instances:     u32(0x00), // InstanceInfo[], in the order of instantiation; the last is the program
  instanceCount: u32(0x04),
  traps:         u32(0x08), // TrapPlace[], sorted by address
  trapCount:     u32(0x0c),
  textStart:     u32(0x10), // of the instances' code; the run-time's own lies outside
  textEnd:       u32(0x14),
  places:        u32(0x18), // LinePlace[], sorted by address
  placeCount:    u32(0x1c),
  functions:     u32(0x20), // FunctionPlace[], sorted by address
  functionCount: u32(0x24),
  files:         u32(0x28), // TextInfo[]: names of source files
  fileCount:     u32(0x2c),
});

/** UTF-8, not terminated. */
// biome-ignore format: a field a line
export const TextInfo = layout('TextInfo', 8, {
  bytes: u32(0),
  size:  u32(4),
});

/** An instance of a module. */
// biome-ignore format: a field a line
export const InstanceInfo = layout('InstanceInfo', 0x30, {
  name:         u32(0x00), // UTF-8
  nameSize:     u32(0x04),
  memory:       u32(0x08), // address of its MemoryRecord (spec/abi/handoff.ts), 0 if it has none
  ownsMemory:   u32(0x0c), // 0: the memory is another instance's
  segments:     u32(0x10), // DataInfo[]: the contents that its memory starts with
  segmentCount: u32(0x14),
  start:        u32(0x18), // code that runs once before any export, 0 if there is none
  exports:      u32(0x1c), // ExportInfo[]
  exportCount:  u32(0x20),
  records:      u32(0x24), // FunctionRecord[]: what references to its functions are, sorted by address
  recordCount:  u32(0x28),
  reserved:     u32(0x2c),
});

/** A funcref is the address of a record; this tells whose it is. */
// biome-ignore format: a field a line
export const FunctionRecord = layout('FunctionRecord', 8, {
  address: u32(0),
  index:   u32(4), // in the module's function index space
});

// biome-ignore format: a field a line
export const DataInfo = layout('DataInfo', 12, {
  source: u32(0),
  offset: u32(4), // in the memory
  size:   u32(8),
});

/** ExportInfo.kind: numbers as in the binary format, Wasm §5.5.5. */
export const EXPORT_FUNCTION = 0;
export const EXPORT_TABLE = 1;
export const EXPORT_MEMORY = 2;
export const EXPORT_GLOBAL = 3;

// biome-ignore format: a field a line
export const ExportInfo = layout('ExportInfo', 0x14, {
  name:     u32(0x00), // UTF-8
  nameSize: u32(0x04),
  kind:     u32(0x08), // EXPORT_*
  target:   u32(0x0c), // a function's code, a global's cell, a table's descriptor, a memory's record
  type:     u32(0x10), // a function's FunctionInfo; a global's value type
});

/** A function type, and where its values are in a call. */
// biome-ignore format: a field a line
export const FunctionInfo = layout('FunctionInfo', 0x10, {
  params:    u16(0x00),
  results:   u16(0x02),
  stackSize: u32(0x04), // bytes of stack area: arguments and results, a multiple of 16
  values:    u32(0x08), // ValueInfo[]: the parameters, then the results
  reserved:  u32(0x0c),
});

/** Value types as the binary format has them, Wasm §5.3. */
export const TYPE_I32 = 0x7f;
export const TYPE_I64 = 0x7e;
export const TYPE_F32 = 0x7d;
export const TYPE_F64 = 0x7c;
export const TYPE_V128 = 0x7b;
export const TYPE_FUNCREF = 0x70;
export const TYPE_EXTERNREF = 0x6f;

/** Where a parameter or result is, and of what type. */
// biome-ignore format: a field a line
export const ValueInfo = layout('ValueInfo', 8, {
  type:   u32(0), // TYPE_*
  offset: u32(4), // in CallFrame: integers, floats, or CALL_STACK and what follows
});

/**
 * A call into an instance, as the run-time prepares it and tools/compiler/linux/start-up.ts makes it.
 * The places of RDI RSI RDX RCX R8 R9 are integers, those of XMM0..7 floats; on return RAX, RDX are
 * in integers 0, 1 and XMM0, XMM1 in floats 0, 1. The stack area follows.
 */
// biome-ignore format: a field a line
export const CallFrame = layout('CallFrame', 0xe0, {
  code:      u64(0x00),
  base:      u64(0x08), // of the linear memory: r14
  stackTop:  u64(0x10), // where the call's stack starts
  stackSize: u64(0x18), // bytes of the stack area: copied to the stack before the call and back after it
  saved:     u64(0x20), // the caller's RSP; made by the call, used to leave it when it traps
  reserved:  u64(0x28),
  integers:  bytes(0x30, 48),
  floats:    bytes(0x60, 128),
});

/** Where the stack area starts, and how big it may be. */
export const CALL_STACK = 0xe0;
export const CALL_STACK_SIZE = 0x1_0000;

/** A `ud2` and what it means. */
// biome-ignore format: a field a line
export const TrapPlace = layout('TrapPlace', 8, {
  address: u32(0),
  reason:  u32(4), // spec/abi/trap-reason.ts
});

/** A function of an instance. */
// biome-ignore format: a field a line
export const FunctionPlace = layout('FunctionPlace', 16, {
  start:    u32(0),
  end:      u32(4),
  name:     u32(8), // UTF-8
  nameSize: u32(12),
});

/** From `address` on, code was made from this line. */
// biome-ignore format: a field a line
export const LinePlace = layout('LinePlace', 8, {
  address: u32(0),
  line:    u16(4), // 1-based
  file:    u16(6), // index into `files`
});
