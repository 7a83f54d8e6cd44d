/** Names of the general registers as the core's state and a VMSA have them, by number. APM1 §3.1. */
// biome-ignore format: eight by eight
export const GENERAL_REGISTERS = [
  'rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi',
  'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15',
] as const;
