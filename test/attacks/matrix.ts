import { ARCHITECTURE_ROWS } from './architecture-rows.ts';
import { GUEST_ROWS } from './guest-rows.ts';
import type { Row } from './verdict.ts';

/**
 * The attack matrix: the attacks that were published on SEV, SEV-ES and SEV-SNP guests and that a hypervisor can
 * make, as rows, with their verdicts in each mode. docs/attacks.md tells them in words.
 */
export const MATRIX: readonly Row[] = [...ARCHITECTURE_ROWS, ...GUEST_ROWS];
