import { crcBy } from "./crc.js";

/** CRC-32 as in ISO 3309, zip and PNG: that of "123456789" is cbf43926. It shows every error of up to 32 neighbouring bits. */
export const crc32: (bytes: Uint8Array) => number = crcBy(0xedb88320);
