import { sharedLayout, u8, u16 } from '../layout.ts';

/** The #HV doorbell page: how a host with restricted injection says what is pending. GHCB §4.1.13. */
// biome-ignore format: a field a line
export const HvDoorbell = sharedLayout('HvDoorbell', 4096, {
  pendingEvent:  u16(0), // 7:0 vector, 8 NMI, 9 #MC, 15 NoFurtherSignal
  noEoiRequired: u8(2),
});
