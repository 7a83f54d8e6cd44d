/** Results of WASI preview1 functions. WASI, typenames.witx: errno. */

export const SUCCESS: u32 = 0;
export const EACCES: u32 = 2;
export const EBADF: u32 = 8;
export const EFAULT: u32 = 21;
export const EINVAL: u32 = 28;
export const EIO: u32 = 29;
export const ENOSYS: u32 = 52;
export const ENOTSUP: u32 = 58;
export const ESPIPE: u32 = 70;
