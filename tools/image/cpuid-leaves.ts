import { view } from '../../spec/layout.ts';
import { CpuidPage } from '../../spec/layouts/cpuid-page.ts';

/**
 * The functions whose answers the launch is asked to vouch for: those that a guest of ours, or one
 * like COCONUT-SVSM, looks at. QEMU lists KVM's own instead. [leaf, subleaf, XCR0 of the question]
 */
const LEAVES: readonly (readonly [eax: number, ecx?: number, xcr0?: bigint])[] = [
  [0x8000_001f],
  [0x0],
  [0x1],
  [0x2],
  [0x4, 0],
  [0x4, 1],
  [0x4, 2],
  [0x4, 3],
  [0x5],
  [0x6],
  [0x7, 0],
  [0x7, 1],
  [0xb, 0],
  [0xb, 1],
  [0xd, 0, 1n],
  [0xd, 1, 1n],
  [0xd, 2],
  [0x8000_0000],
  [0x8000_0001],
  [0x8000_0002],
  [0x8000_0003],
  [0x8000_0004],
  [0x8000_0005],
  [0x8000_0006],
  [0x8000_0007],
  [0x8000_0008],
  [0x8000_000a],
  [0x8000_0019],
  [0x8000_001a],
  [0x8000_001d, 0],
  [0x8000_001d, 1],
  [0x8000_001d, 2],
  [0x8000_001d, 3],
  [0x8000_001e],
  [0x8000_0021],
];

/** The CPUID page as the file holds it: questions without answers, which the host fills in. */
export function cpuidQuestions(): Uint8Array {
  const bytes = new Uint8Array(CpuidPage.size);
  const page = view(CpuidPage, bytes);
  page.count = LEAVES.length;
  const { functions } = page;
  for (const [i, [eaxIn, ecxIn = 0, xcr0In = 0n]] of LEAVES.entries()) {
    Object.assign(functions[i] ?? {}, { eaxIn, ecxIn, xcr0In });
  }
  return bytes;
}
