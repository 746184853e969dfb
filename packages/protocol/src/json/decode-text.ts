/** The BOM is kept, so that the parser refuses it like any other character. */
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder('utf-8', { ignoreBOM: true });

/** What the lenient decoder puts for bytes that are not UTF-8. */
export const REPLACEMENT = '\ufffd';

/** A body as text. */
export interface DecodedText {
  readonly text: string;
  /** Every U+FFFD in the text stands for bytes that were not UTF-8. */
  readonly hasInvalidBytes: boolean;
}

/** Decodes a body. Invalid bytes are kept apart from a U+FFFD the sender wrote, which is fine. */
export function decodeText(body: Uint8Array): DecodedText {
  try {
    return { text: STRICT.decode(body), hasInvalidBytes: false };
  } catch {
    return { text: LENIENT.decode(withoutReplacements(body)), hasInvalidBytes: true };
  }
}

/** The body with each U+FFFD (EF BF BD) as three question marks, which keeps all places. */
function withoutReplacements(body: Uint8Array): Uint8Array {
  const copy = Buffer.from(body);
  const written = Buffer.from(REPLACEMENT);
  for (let at = copy.indexOf(written); at >= 0; at = copy.indexOf(written, at)) copy.fill('?', at, at + 3);
  return copy;
}
