const encoder = new TextEncoder();
const MOST_BYTES_PER_UNIT = 3;

/** The length of a text in bytes of UTF-8, the unit of all limits. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a text has more bytes of UTF-8 than the limit. Encodes it only if its length does not tell. */
export function isLongerThan(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  return text.length * MOST_BYTES_PER_UNIT > limit && byteLength(text) > limit;
}

/** Unicode's property White_Space, as the API defines white space; `\s` differs in U+0085 and U+FEFF. */
const WHITE_SPACE = /\p{White_Space}/u;

export function hasWhitespace(text: string): boolean {
  return WHITE_SPACE.test(text);
}

/** Whether the text is empty or only white space. */
export function isBlank(text: string): boolean {
  return /^\p{White_Space}*$/u.test(text);
}
