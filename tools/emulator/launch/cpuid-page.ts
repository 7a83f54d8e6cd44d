import { view } from '../../../spec/layout.ts';
import { CpuidPage } from '../../../spec/layouts/cpuid-page.ts';
import type { CpuidLeaf } from '../cpuid/model.ts';
import { PAGE } from '../hypervisor/guest-memory.ts';

/** The CPUID page that the host proposes to the AMD-SP: all functions that it has. SNP, CPUID page. */
export function cpuidPage(leaves: readonly CpuidLeaf[]): Uint8Array {
  const page = new Uint8Array(PAGE);
  const table = view(CpuidPage, page);
  const entries = table.functions;
  leaves.forEach(({ leaf, subleaf, eax, ebx, ecx, edx }, index) => {
    const entry = entries[index];
    if (!entry) throw new RangeError(`a CPUID page has no room for ${leaves.length} functions`);
    Object.assign(entry, { eaxIn: leaf, ecxIn: subleaf ?? 0, eax, ebx, ecx, edx });
  });
  table.count = leaves.length;
  return page;
}
