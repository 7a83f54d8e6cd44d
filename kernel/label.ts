/** Addresses in what boot/ assembles. */

/** After the instruction of `wait` that turns interrupts on. */
export declare function waitOpen(): u64;
/** The instruction of `wait` that turns them off. */
export declare function waitOut(): u64;
/** Where `enter` goes on when what it entered is ended, on the kernel's stack. */
export declare function left(): u64;
