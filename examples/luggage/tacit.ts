/** Capabilities that WASI does not have. */

/** Stops the machine for good, with everything in memory where it is. */
export declare function halt(): void;
