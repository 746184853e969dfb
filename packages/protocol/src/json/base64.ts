/** Characters decoded at a time: a multiple of 4. A longer text is decoded up to its first faulty part only. */
const PART = 65_536;

/**
 * Decodes base64 in the standard or the URL alphabet, not a mixture of both.
 * Padding is complete or absent.
 *
 * @param parts of one text; all but the last have a multiple of 4 characters.
 * @returns undefined if the text is not base64.
 */
export function decodeBase64(...parts: readonly string[]): Uint8Array | undefined {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const last = parts.at(-1) ?? '';
  const padding = last.endsWith('==') ? 2 : last.endsWith('=') ? 1 : 0;
  const digits = length - padding;
  if (digits % 4 === 1 || (padding !== 0 && length % 4 !== 0) || isMixed(parts)) return undefined;
  const bytes = Buffer.allocUnsafe(Math.floor((digits * 3) / 4));
  let written = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PART) {
      const text = part.length <= PART ? part : part.slice(at, at + PART);
      // Node skips characters that are not base64, so a faulty text yields too few bytes.
      const expected = Math.min(Math.floor((text.length * 3) / 4), bytes.length - written);
      if (bytes.write(text, written, 'base64') !== expected) return undefined;
      written += expected;
    }
  }
  return bytes;
}

function isMixed(parts: readonly string[]): boolean {
  const has = (character: string) => parts.some((part) => part.includes(character));
  return (has('-') || has('_')) && (has('+') || has('/'));
}
