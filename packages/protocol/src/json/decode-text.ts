/** The decoders skip one byte order mark: some programs write one before every text. */
const STRICT = new TextDecoder('utf-8', { fatal: true });
const LENIENT = new TextDecoder('utf-8');

/** The lenient decoder's replacement for bytes that are not UTF-8. */
export const REPLACEMENT = '\ufffd';

/** A body as text. */
export interface DecodedText {
  readonly text: string;
  /** Whether each U+FFFD in the text stands for bytes that were not UTF-8. */
  readonly hasInvalidBytes: boolean;
}

/** Decodes a body, without a byte order mark at its start. It distinguishes invalid bytes from a valid U+FFFD of the sender. */
export function decodeText(body: Uint8Array): DecodedText {
  try {
    return { text: STRICT.decode(body), hasInvalidBytes: false };
  } catch {
    return { text: LENIENT.decode(withoutReplacements(body)), hasInvalidBytes: true };
  }
}

/** Replaces each U+FFFD (EF BF BD) by three question marks, so that offsets stay. */
function withoutReplacements(body: Uint8Array): Uint8Array {
  const copy = Buffer.from(body);
  const written = Buffer.from(REPLACEMENT);
  for (let at = copy.indexOf(written); at >= 0; at = copy.indexOf(written, at)) copy.fill('?', at, at + 3);
  return copy;
}
