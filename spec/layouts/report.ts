import { bytes, layout, u8, u32, u64 } from '../layout.ts';

/** An attestation report, version 3. SNP §7.3, table 23. */
// biome-ignore format: a field a line
export const AttestationReport = layout('AttestationReport', 0x4a0, {
  version:         u32(0x000),
  guestSvn:        u32(0x004),
  policy:          u64(0x008),
  familyId:        bytes(0x010, 16),
  imageId:         bytes(0x020, 16),
  vmpl:            u32(0x030),
  signatureAlgo:   u32(0x034), // 1: ECDSA P-384 with SHA-384
  currentTcb:      u64(0x038),
  platformInfo:    u64(0x040),
  flags:           u32(0x048), // 0 AUTHOR_KEY_EN, 1 MASK_CHIP_KEY, 4:2 SIGNING_KEY
  reportData:      bytes(0x050, 64),
  measurement:     bytes(0x090, 48),
  hostData:        bytes(0x0c0, 32),
  idKeyDigest:     bytes(0x0e0, 48),
  authorKeyDigest: bytes(0x110, 48),
  reportId:        bytes(0x140, 32),
  reportIdMa:      bytes(0x160, 32),
  reportedTcb:     u64(0x180),
  cpuFamily:       u8(0x188),
  cpuModel:        u8(0x189),
  cpuStepping:     u8(0x18a),
  chipId:          bytes(0x1a0, 64),
  committedTcb:    u64(0x1e0),
  currentBuild:    u8(0x1e8),
  currentMinor:    u8(0x1e9),
  currentMajor:    u8(0x1ea),
  committedBuild:  u8(0x1ec),
  committedMinor:  u8(0x1ed),
  committedMajor:  u8(0x1ee),
  launchTcb:       u64(0x1f0),
  signatureR:      bytes(0x2a0, 72), // little endian
  signatureS:      bytes(0x2e8, 72),
});
