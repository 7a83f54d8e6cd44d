/** What boot/ assembles for the kernel. */

/**
 * Calls the compartment function at `entry`, on the stack that ends at `stack`, with the base of
 * its memory in the register that holds it. Returns when the function does, or is ended by a trap.
 */
export declare function enter(entry: u64, base: u64, stack: u64): void;

/**
 * Halts with interrupts on until one comes, or at once if one came before: `doorbell` is the address of
 * the word that says so. Interrupts are off before and after.
 */
export declare function wait(doorbell: u64): void;
