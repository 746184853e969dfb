const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;
const URL_SAFE = /^[A-Za-z0-9_-]*={0,2}$/;

/**
 * Decodes base64 in the standard or the URL alphabet, not a mixture of both.
 * Padding is complete or absent.
 *
 * @returns undefined if the text is not base64.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!STANDARD.test(text) && !URL_SAFE.test(text)) return undefined;
  const remainder = text.length % 4;
  if (remainder === 1 || (remainder !== 0 && text.endsWith('='))) return undefined;
  return Buffer.from(text, 'base64');
}
