import * as dumpNote from '../../spec/abi/dump-note.ts';
import * as executable from '../../spec/abi/executable.ts';
import * as handoff from '../../spec/abi/handoff.ts';
import * as trapFrame from '../../spec/abi/trap-frame.ts';
import * as cpuidPage from '../../spec/layouts/cpuid-page.ts';
import * as doorbell from '../../spec/layouts/doorbell.ts';
import * as elf from '../../spec/layouts/elf.ts';
import * as ghcb from '../../spec/layouts/ghcb.ts';
import * as guestMessage from '../../spec/layouts/guest-message.ts';
import * as idBlock from '../../spec/layouts/id-block.ts';
import * as igvm from '../../spec/layouts/igvm.ts';
import * as metadataEntry from '../../spec/layouts/metadata-entry.ts';
import * as pvh from '../../spec/layouts/pvh.ts';
import * as report from '../../spec/layouts/report.ts';
import * as secrets from '../../spec/layouts/secrets.ts';
import * as vmsa from '../../spec/layouts/vmsa.ts';
import type { LayoutModule } from './accessors.ts';

/**
 * Every file of layouts, by its path from the repository's root: what asc reads as accessors.
 * The list is written out because the bundled tools have no folder of TypeScript to look into.
 */
export const layoutModules: Readonly<Record<string, LayoutModule>> = {
  'spec/abi/dump-note.ts': dumpNote,
  'spec/abi/executable.ts': executable,
  'spec/abi/handoff.ts': handoff,
  'spec/abi/trap-frame.ts': trapFrame,
  'spec/layouts/cpuid-page.ts': cpuidPage,
  'spec/layouts/doorbell.ts': doorbell,
  'spec/layouts/elf.ts': elf,
  'spec/layouts/ghcb.ts': ghcb,
  'spec/layouts/guest-message.ts': guestMessage,
  'spec/layouts/id-block.ts': idBlock,
  'spec/layouts/igvm.ts': igvm,
  'spec/layouts/metadata-entry.ts': metadataEntry,
  'spec/layouts/pvh.ts': pvh,
  'spec/layouts/report.ts': report,
  'spec/layouts/secrets.ts': secrets,
  'spec/layouts/vmsa.ts': vmsa,
};
