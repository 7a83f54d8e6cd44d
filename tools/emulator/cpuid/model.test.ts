import { describe, expect, it } from 'vitest';
import * as Cpuid from '../../../spec/cpuid.ts';
import { INSTRUCTIONS } from '../../../spec/x86/table.ts';
import { bootGuest, FREE_GPA } from '../../../test/guest.ts';
import { samples } from '../../compiler/x86/test-samples.ts';
import { EXIT_UNIMPLEMENTED } from '../core.ts';
import { MODES } from '../mode.ts';
import { type CpuidRegisters, guestLeaves, lookUp } from './model.ts';

/** Which bit promises the instructions that the table marks with a feature. APM3 appendix E. */
const PROMISES: Readonly<Record<string, readonly [number, keyof CpuidRegisters, number]>> = {
  cmov: [1, 'edx', 15],
  cx8: [1, 'edx', 8],
  clfsh: [1, 'edx', 19],
  fxsr: [1, 'edx', 24],
  sep: [1, 'edx', 11],
  sse: [1, 'edx', 25],
  sse2: [1, 'edx', 26],
  sse3: [1, 'ecx', 0],
  pclmulqdq: [1, 'ecx', 1],
  monitor: [1, 'ecx', 3],
  ssse3: [1, 'ecx', 9],
  cx16: [1, 'ecx', 13],
  'sse4.1': [1, 'ecx', 19],
  'sse4.2': [1, 'ecx', 20],
  movbe: [1, 'ecx', 22],
  popcnt: [1, 'ecx', 23],
  aes: [1, 'ecx', 25],
  xsave: [1, 'ecx', 26],
  avx: [1, 'ecx', 28],
  rdrand: [1, 'ecx', 30],
  fsgsbase: [7, 'ebx', 0],
  bmi1: [7, 'ebx', 3],
  avx2: [7, 'ebx', 5],
  bmi2: [7, 'ebx', 8],
  invpcid: [7, 'ebx', 10],
  rdseed: [7, 'ebx', 18],
  adx: [7, 'ebx', 19],
  smap: [7, 'ebx', 20],
  clflushopt: [7, 'ebx', 23],
  clwb: [7, 'ebx', 24],
  pku: [7, 'ecx', 3],
  rdpid: [7, 'ecx', 22],
  lahf: [0x8000_0001, 'ecx', 0],
  lzcnt: [0x8000_0001, 'ecx', 5],
  '3dnowprefetch': [0x8000_0001, 'ecx', 8],
  syscall: [0x8000_0001, 'edx', 11],
  rdtscp: [0x8000_0001, 'edx', 27],
};

/** Part of SSE, but approximations that every processor makes in its own way: named as missing when met. */
const APPROXIMATIONS = /^r(?:sqrt|cp)[ps]s$/;

describe('the CPUID of the machine', () => {
  it('promises no instruction that the processor does not have', () => {
    const { core, pages } = bootGuest({ mode: 'none', memory: 2 ** 23 }, () => {});
    for (let gfn = 0; gfn < 0x800; gfn += 0x200) pages.pageIn(gfn);
    const leaves = guestLeaves('none');
    const missing: string[] = [];
    for (const row of INSTRUCTIONS) {
      const promise = PROMISES[row.feature ?? ''];
      if (!promise || !row.modes.long64 || APPROXIMATIONS.test(row.effect.name)) continue;
      const [leaf, register, bit] = promise;
      if (((lookUp(leaves, leaf, 0)[register] >>> bit) & 1) === 0) continue;
      const [sample] = samples(row, 64);
      if (!sample) continue;
      core.write(FREE_GPA, Uint8Array.of(...sample.bytes, 0xf4), 0);
      Object.assign(core.state, { rip: BigInt(FREE_GPA), rflags: 2n, mxcsr: 0x1f80, cpl: 0 });
      Object.assign(core.state, { rax: 0x50_0000n, rcx: 0x50_0000n, rdx: 0x50_0000n });
      Object.assign(core.state, { rbx: 0x50_0000n, rsi: 0x50_0000n, rdi: 0x50_0000n });
      Object.assign(core.state, { rsp: 0x50_8000n, cr3: 0x1000n, cr0: 0x8000_0033n });
      Object.assign(core.state, { cr4: 0x4_0620n, xcr0: 7n });
      Object.assign(core.state.cs, { selector: 8, attributes: 0xa9b });
      core.flush();
      if (core.run(1) === EXIT_UNIMPLEMENTED) missing.push(core.unimplemented());
    }
    expect(missing).toEqual([]);
  });

  it('shows of encryption what the mode has', () => {
    const shown = MODES.map((mode) => {
      const { eax, ebx } = lookUp(guestLeaves(mode), Cpuid.LEAF_ENCRYPTED_MEMORY, 0);
      return [eax, ebx & 0x3f];
    });
    expect(shown).toEqual([
      [0, 0],
      [0x02, 51],
      [0x0a, 51],
      [0x1a, 51],
    ]);
  });

  it('answers zeros for what it does not have', () => {
    expect(lookUp(guestLeaves('none'), 0x1234, 0)).toEqual({ eax: 0, ebx: 0, ecx: 0, edx: 0 });
    expect(lookUp(guestLeaves('none'), 7, 1)).toEqual({ eax: 0, ebx: 0, ecx: 0, edx: 0 });
  });

  it('fits in a CPUID page', () => {
    expect(guestLeaves('snp').length).toBeLessThanOrEqual(64);
  });
});
