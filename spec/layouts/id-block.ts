import { bytes, layout, u32, u64 } from '../layout.ts';

/** What a launch must come to for the guest's owner, who signs it. SNP, LAUNCH_FINISH. */
// biome-ignore format: a field a line
export const IdBlock = layout('IdBlock', 0x60, {
  digest:   bytes(0x00, 48),
  familyId: bytes(0x30, 16),
  imageId:  bytes(0x40, 16),
  version:  u32(0x50),
  guestSvn: u32(0x54),
  policy:   u64(0x58),
});

/** Who signed an ID block, and who vouches for that key. SNP, LAUNCH_FINISH. */
// biome-ignore format: a field a line
export const IdAuthentication = layout('IdAuthentication', 4096, {
  idKeyAlgorithm:     u32(0x000),
  authorKeyAlgorithm: u32(0x004),
  blockSignature:     bytes(0x040, 512),
  idKey:              bytes(0x240, 1028),
  idKeySignature:     bytes(0x680, 512),
  authorKey:          bytes(0x880, 1028),
});

/** A public key, its coordinates little endian. SNP, LAUNCH_FINISH. */
// biome-ignore format: a field a line
export const EcdsaKey = layout('EcdsaKey', 1028, {
  curve: u32(0x000),
  qx:    bytes(0x004, 72),
  qy:    bytes(0x04c, 72),
});

/** A signature, its numbers little endian. SNP, LAUNCH_FINISH. */
// biome-ignore format: a field a line
export const EcdsaSignature = layout('EcdsaSignature', 512, {
  r: bytes(0x00, 72),
  s: bytes(0x48, 72),
});
