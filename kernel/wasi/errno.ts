/** Results of WASI preview1 functions. WASI, typenames.witx: errno. */

export const SUCCESS: u32 = 0;
export const EBADF: u32 = 8;
export const EFAULT: u32 = 21;
export const EINVAL: u32 = 28;
export const ENOSYS: u32 = 52;
export const ESPIPE: u32 = 70;
