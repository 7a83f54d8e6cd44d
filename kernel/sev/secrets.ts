/** The secrets page that the AMD-SP filled at launch. SNP §8.17.2.5. */

import { SECRETS_PAGE_BAD } from '../../spec/abi/termination.ts';
import { SecretsPage } from '../../spec/layouts/secrets.ts';
import { copy } from '../cpu.ts';
import { imageInfo, TOP } from '../handoff.ts';
import { panic } from '../panic.ts';

const OLDEST_VERSION: u32 = 2;
const NEWEST_VERSION: u32 = 4;

/** Version, flags and family: what lies before the keys. */
const HEADER_SIZE: u64 = 0x20;
const header: usize = memory.data(0x20, 8);

/**
 * Ends the guest unless the page has a form that we know. Its keys are not copied: they stay in the
 * launch's page until a message to the AMD-SP needs one.
 */
export function checkSecretsPage(): void {
  copy(header, TOP + u64(imageInfo().secretsPage), HEADER_SIZE);
  const version = changetype<SecretsPage>(header).version;
  if (version < OLDEST_VERSION || version > NEWEST_VERSION) panic(SECRETS_PAGE_BAD);
}
