/** What linux/start-up.ts adds in machine code. */

/** A system call: its result, or minus an error number. */
export declare function syscall(number: u64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64): i64;
/** Calls into an instance as the CallFrame at `frame` says: 0, or the number of the trap that ended it. */
export declare function call(frame: usize): u32;
/** Where a call that trapped goes on: with RSP = CallFrame.saved and the trap's number in EAX. */
export declare function landing(): u64;
/** The signal handler: {@link onSignal} of trap.ts. */
export declare function signalEntry(): u64;
/** What a signal handler returns to. */
export declare function signalReturn(): u64;
/** Address of the linker's tables: an Executable. */
export declare function executable(): u64;
