/** Whoever counts what happens in the guest without an exit. */
/** A #VC was raised for the instruction at `rip`, with exit code `code`. */
export declare function vc(rip: u64, code: u32): void;
/** A PVALIDATE was carried out; `unchanged` is the CF it answered with. */
export declare function pvalidate(gpa: u64, huge: u32, validate: u32, unchanged: u32): void;
/** The guest is about to read `size` bytes of a watched frame, or to write (and perhaps read) them. */
export declare function access(gpa: u64, size: u32, write: u32): void;
