// Bytes of any kind as a buffer of their own.
export function toArrayBuffer(bytes) {
  if (bytes instanceof ArrayBuffer) {
    return bytes;
  }
  if (!ArrayBuffer.isView(bytes)) {
    throw new Error("Unsupported buffer type");
  }
  const { buffer, byteOffset, byteLength } = bytes;
  return new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
}

export const toUint8ArrayBuffer = (bytes) => new Uint8Array(toArrayBuffer(bytes));
