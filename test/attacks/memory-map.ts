/** What the host says about the guest's memory: IGVM's MEMORY_MAP parameter. */
import { MEMORY_MAP_PAGE } from '../../boot/memory-map.ts';
import * as Igvm from '../../spec/igvm.ts';
import { view } from '../../spec/layout.ts';
import { IgvmMemoryMapEntry } from '../../spec/layouts/igvm.ts';
import type { HostileHost } from '../../tools/emulator/hostile.ts';
import { PAGE } from '../../tools/emulator/hypervisor/guest-memory.ts';

/** RAM from frame `first` on. */
export interface Ram {
  readonly first: number | bigint;
  readonly pages: number | bigint;
}

/** Tells the guest that its RAM is `ranges`, in that order. */
export function claimRam(host: HostileHost, ranges: readonly Ram[]): void {
  host.onLaunch((pages) =>
    pages.map((page) => {
      if (page.gfn !== MEMORY_MAP_PAGE / PAGE) return page;
      const data = new Uint8Array(PAGE);
      ranges.forEach(({ first, pages: count }, i) => {
        const entry = view(IgvmMemoryMapEntry, data, i * IgvmMemoryMapEntry.size);
        entry.startingPage = BigInt(first);
        entry.numberOfPages = BigInt(count);
        entry.type = Igvm.MEMORY;
      });
      return { ...page, data };
    }),
  );
}
