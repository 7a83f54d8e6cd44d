import type { Row } from './verdict.ts';

/** B1 to B32: what the guest's own code must stop. */
export const GUEST_ROWS: readonly Row[] = [];
