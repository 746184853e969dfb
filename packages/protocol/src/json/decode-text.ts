/** A part of a body may start with U+FEFF, which is a byte order mark only at the start of the body. */
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder('utf-8', { ignoreBOM: true });

const QUESTION_MARK = 0x3f;

/** The lenient decoder's replacement for bytes that are not UTF-8. */
export const REPLACEMENT = '\ufffd';

/** A body as text. */
export interface DecodedText {
  readonly text: string;
  /** Whether each U+FFFD in the text stands for bytes that were not UTF-8. */
  readonly hasInvalidBytes: boolean;
}

/** Decodes a body or a part of it. Distinguishes invalid bytes from a valid U+FFFD of the sender. */
export function decodeText(body: Uint8Array): DecodedText {
  try {
    return { text: STRICT.decode(body), hasInvalidBytes: false };
  } catch {
    return { text: LENIENT.decode(withoutReplacements(body)), hasInvalidBytes: true };
  }
}

/** Replaces each U+FFFD (EF BF BD) by three question marks, so that offsets stay. */
function withoutReplacements(body: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(body);
  // A loop: a body may consist of nothing else, and a native search per hit would take ten times as long.
  for (let at = 0; at < copy.length; at++) {
    if (copy[at] === 0xef && copy[at + 1] === 0xbf && copy[at + 2] === 0xbd)
      copy.fill(QUESTION_MARK, at, at + 3);
  }
  return copy;
}
