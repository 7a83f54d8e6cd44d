import { layout, u64 } from '../layout.ts';

/** What the trap stubs (boot/traps.ts) leave on the stack, lowest address first. */
// biome-ignore format: a field a line
export const TrapFrame = layout('TrapFrame', 0xb0, {
  r15:    u64(0x00),
  r14:    u64(0x08),
  r13:    u64(0x10),
  r12:    u64(0x18),
  r11:    u64(0x20),
  r10:    u64(0x28),
  r9:     u64(0x30),
  r8:     u64(0x38),
  rbp:    u64(0x40),
  rdi:    u64(0x48),
  rsi:    u64(0x50),
  rdx:    u64(0x58),
  rcx:    u64(0x60),
  rbx:    u64(0x68),
  rax:    u64(0x70),
  vector: u64(0x78), // pushed by the stub
  error:  u64(0x80), // pushed by the CPU, or 0 by the stub
  rip:    u64(0x88), // from here on pushed by the CPU
  cs:     u64(0x90),
  rflags: u64(0x98),
  rsp:    u64(0xa0),
  ss:     u64(0xa8),
});
