import { bytes, layout, u8, u32, u64 } from '../layout.ts';

/** The page that the AMD-SP fills with the guest's secrets at launch. SNP §8.17.2.5. */
// biome-ignore format: a field a line
export const SecretsPage = layout('SecretsPage', 4096, {
  version:        u32(0x000),
  flags:          u32(0x004), // bit 0: IMI_EN
  fms:            u32(0x008),
  gosvw:          bytes(0x010, 16),
  vmpck0:         bytes(0x020, 32),
  vmpck1:         bytes(0x040, 32),
  vmpck2:         bytes(0x060, 32),
  vmpck3:         bytes(0x080, 32),
  // The guest's own area, as the GHCB specification lays it out.
  messageSeqno0:  u32(0x0a0),
  messageSeqno1:  u32(0x0a4),
  messageSeqno2:  u32(0x0a8),
  messageSeqno3:  u32(0x0ac),
  apJumpTable:    u64(0x0b0),
  guestUsage:     bytes(0x0e0, 32),
  vmsaTweak:      bytes(0x100, 64),
  svsmBase:       u64(0x140),
  svsmSize:       u64(0x148),
  svsmCaa:        u64(0x150),
  svsmMaxVersion: u32(0x158),
  svsmGuestVmpl:  u8(0x15c),
  tscFactor:      u32(0x160),
});
