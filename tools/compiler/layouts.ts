import * as handoff from '../../spec/abi/handoff.ts';
import * as trapFrame from '../../spec/abi/trap-frame.ts';
import type { LayoutModule } from './accessors.ts';

/**
 * Every file of layouts, by its path from the repository's root: what asc reads as accessors.
 * The list is written out because the bundled tools have no folder of TypeScript to look into.
 */
export const layoutModules: Readonly<Record<string, LayoutModule>> = {
  'spec/abi/handoff.ts': handoff,
  'spec/abi/trap-frame.ts': trapFrame,
};
