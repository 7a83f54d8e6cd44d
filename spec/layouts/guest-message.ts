import { bytes, layout, u8, u16, u32, u64 } from '../layout.ts';

/** What comes before the payload of a message to or from the AMD-SP. SNP §8.26. */
// biome-ignore format: a field a line
export const MessageHeader = layout('MessageHeader', 0x60, {
  tag:            bytes(0x00, 32), // 16 bytes of AES-GCM's, then zeroes
  sequence:       u64(0x20),
  algorithm:      u8(0x30),
  headerVersion:  u8(0x31),
  headerSize:     u16(0x32),
  type:           u8(0x34),
  messageVersion: u8(0x35),
  messageSize:    u16(0x36), // of the payload
  vmpck:          u8(0x3c),
});

/** MSG_REPORT_REQ and MSG_REPORT_RSP. SNP §7.3. */
// biome-ignore format: a field a line
export const ReportRequest = layout('ReportRequest', 0x60, {
  reportData: bytes(0x00, 64),
  vmpl:       u32(0x40),
  keySelect:  u32(0x44),
});

// biome-ignore format: a field a line
export const ReportResponse = layout('ReportResponse', 0x4c0, {
  status:     u32(0x00),
  reportSize: u32(0x04),
  report:     bytes(0x20, 0x4a0),
});

/** MSG_KEY_REQ and MSG_KEY_RSP. SNP §7.2. */
// biome-ignore format: a field a line
export const KeyRequest = layout('KeyRequest', 0x20, {
  rootKeySelect: u32(0x00),
  fieldSelect:   u64(0x08),
  vmpl:          u32(0x10),
  guestSvn:      u32(0x14),
  tcbVersion:    u64(0x18),
});

// biome-ignore format: a field a line
export const KeyResponse = layout('KeyResponse', 0x40, {
  status: u32(0x00),
  key:    bytes(0x20, 32),
});

/** MSG_TSC_INFO_RSP; the request is as many zeroes. SNP §7.9. */
// biome-ignore format: a field a line
export const TscInfoResponse = layout('TscInfoResponse', 0x80, {
  status: u32(0x00),
  scale:  u64(0x08), // 8.32 fixed point
  offset: u64(0x10),
  factor: u32(0x18),
});

/** An entry of the table before the certificates of an extended request. GHCB §4.1.8.1. */
// biome-ignore format: a field a line
export const CertificateEntry = layout('CertificateEntry', 0x18, {
  guid:   bytes(0x00, 16),
  offset: u32(0x10), // from the table's beginning
  size:   u32(0x14),
});
