import { crcBy } from "./crc.js";

/** CRC-32C (Castagnoli), as in iSCSI (RFC 3720) and TFRecord: that of "123456789" is e3069283. */
export const crc32c: (bytes: Uint8Array) => number = crcBy(0x82f63b78);

/** As TFRecord stores it: turned right by 15 bits plus a constant, so that data with checksums in it get others. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
