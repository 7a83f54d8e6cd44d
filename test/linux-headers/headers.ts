import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where Debian's linux-headers-amd64 puts the kernel's own headers, or undefined without them. */
export function kernelHeaders(): string | undefined {
  const folder = '/usr/src';
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const found = names.filter((name) => /^linux-headers-.*-common$/.test(name)).toSorted();
  const last = found.at(-1);
  if (last === undefined && process.env.TACIT_WITNESSES === 'all') {
    throw new Error('TACIT_WITNESSES=all, and linux-headers-amd64 is not installed');
  }
  return last === undefined ? undefined : join(folder, last);
}

/** What the kernel's headers expect of the rest of the kernel, as far as those below need it. */
const prelude = `
typedef unsigned char u8, __u8; typedef unsigned short u16, __u16;
typedef unsigned int u32, __u32; typedef unsigned long long u64, __u64;
typedef short __s16; typedef int s32, __s32; typedef long long s64, __s64; typedef _Bool bool;
#define __packed __attribute__((packed))
#define __always_inline inline
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define _BITUL(n) (1UL << (n))
#define _BITULL(n) (1ULL << (n))
#define _AC(x, y) (x##y)
#define _UL(x) (x##UL)
#define _ULL(x) (x##ULL)
#define _AT(t, x) (x)
#define GENMASK_ULL(h, l) (((~0ULL) << (l)) & (~0ULL >> (63 - (h))))
#define PAGE_SIZE 4096
#define offsetof __builtin_offsetof
typedef u32 uint32_t; typedef u64 uint64_t;
#define BUILD_BUG_ON(x) _Static_assert(!(x), #x)
#define static_assert(x) _Static_assert(x, #x)
#define test_bit(n, p) 0
#define __set_bit(n, p)
struct hv_vmcb_enlightenments { u8 bytes[32]; };
#define false 0
#define __init
#define ENOTTY 25
typedef u64 pgd_t; typedef int raw_spinlock_t;
struct pt_regs; struct insn { int unused; };
int printf(const char *, ...);
`;

/** The headers, and in which way they are read: those for the assembler hold plain numbers only. */
const numbersOnly = [
  'asm/msr-index.h',
  'asm/pgtable_types.h',
  'asm/cpufeatures.h',
  'asm/apicdef.h',
];
const headers = [
  'uapi/asm/svm.h',
  'asm/svm.h',
  'asm/sev-common.h',
  'asm/sev.h',
  'asm/trap_pf.h',
  'asm/trapnr.h',
  'uapi/asm/processor-flags.h',
];
const others = [
  'uapi/linux/psp-sev.h',
  'uapi/linux/serial_reg.h',
  'uapi/linux/elf-em.h',
  'uapi/linux/elf.h',
  'linux/i8253.h',
  'xen/interface/elfnote.h',
  'xen/interface/hvm/start_info.h',
];

/**
 * What the C compiler makes of constant expressions, in the order given, with the kernel's
 * headers under `kernel` included as they are. Whatever else they include is empty.
 */
export function evaluate(gcc: string, kernel: string, expressions: readonly string[]): bigint[] {
  const folder = mkdtempSync(join(tmpdir(), 'tacit-headers-'));
  try {
    const include = (file: string) => `#include "${file}"`;
    const arch = join(kernel, 'arch/x86/include');
    const source = [
      prelude,
      '#define __ASSEMBLY__',
      ...numbersOnly.map((file) => include(join(arch, file))),
      '#undef __ASSEMBLY__',
      ...headers.map((file) => include(join(arch, file))),
      ...others.map((file) => include(join(kernel, 'include', file))),
      ...errorCodes(join(arch, 'asm/kvm_host.h')),
      'int main(void) {',
      ...expressions.map((each) => `  printf("%llu\\n", (unsigned long long)(${each}));`),
      '}',
    ];
    writeFileSync(join(folder, 'numbers.c'), source.join('\n'));
    makeStubs(folder, kernel);
    const program = join(folder, 'numbers');
    execFileSync(gcc, ['-nostdinc', '-w', '-I', folder, '-o', program, join(folder, 'numbers.c')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
    return lines.map(BigInt);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** KVM's names for the bits of a nested fault stand in a header that needs all of the kernel. */
function errorCodes(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^#define PFERR_\w+\s+.*[^\\]$/.test(line));
}

/** An empty file for everything that the headers include. */
function makeStubs(folder: string, kernel: string): void {
  const all = [...numbersOnly, ...headers].map((file) => join(kernel, 'arch/x86/include', file));
  for (const file of [...all, ...others.map((name) => join(kernel, 'include', name))]) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/^#\s*include\s*<([^>]+)>/gm)) {
      const stub = join(folder, name as string);
      mkdirSync(dirname(stub), { recursive: true });
      writeFileSync(stub, '');
    }
  }
}
