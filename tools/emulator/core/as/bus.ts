/** Devices in the guest's address space, where no #VC is raised for them. */
export declare function read(gpa: u64, size: u32): u64;
export declare function write(gpa: u64, size: u32, value: u64): void;

export function busRead(gpa: u64, size: u32): u64 {
  return read(gpa, size);
}

export function busWrite(gpa: u64, size: u32, value: u64): void {
  write(gpa, size, value);
}
