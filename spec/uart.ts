/** The 16550 serial port. PC; National Semiconductor PC16550D §8. */

export const COM1: u32 = 0x3f8;

/** Registers, from the base port on. DLL and DLM take the place of THR and IER while LCR has DLAB. */
export const THR: u32 = 0;
export const RBR: u32 = 0;
export const DLL: u32 = 0;
export const IER: u32 = 1;
export const DLM: u32 = 1;
export const IIR: u32 = 2;
export const FCR: u32 = 2;
export const LCR: u32 = 3;
export const MCR: u32 = 4;
export const LSR: u32 = 5;
export const MSR: u32 = 6;
export const SCR: u32 = 7;

export const LCR_8N1: u32 = 0x03;
export const LCR_DLAB: u32 = 0x80;
export const FCR_ENABLE: u32 = 0x01;
export const FCR_CLEAR_RX: u32 = 0x02;
export const FCR_CLEAR_TX: u32 = 0x04;
export const MCR_DTR: u32 = 0x01;
export const MCR_RTS: u32 = 0x02;
export const MCR_OUT2: u32 = 0x08;
export const LSR_DATA_READY: u32 = 0x01;
export const LSR_THR_EMPTY: u32 = 0x20;
export const LSR_TX_EMPTY: u32 = 0x40;
