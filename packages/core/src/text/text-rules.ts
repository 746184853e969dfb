const encoder = new TextEncoder();

/** The length of a text in bytes of UTF-8, the unit of all limits. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
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
