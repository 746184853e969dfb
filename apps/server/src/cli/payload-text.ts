/** The first bytes of a payload are enough for a line. */
const MOST_BYTES = 256;

/** The beginning of a payload for people: text if it is UTF-8, else hexadecimal digits. Never the whole of a long one. */
export function payloadText(payload: Uint8Array): string {
  const beginning = payload.subarray(0, MOST_BYTES);
  try {
    // With `stream`, the cut may be within a character.
    return new TextDecoder('utf-8', { fatal: true }).decode(beginning, {
      stream: beginning.length < payload.length,
    });
  } catch {
    return `0x${Buffer.from(beginning).toString('hex')}`;
  }
}
