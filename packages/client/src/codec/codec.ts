/** What a codec may use of an item besides its payload. */
export interface EncodedContent {
  /** The producer's text for the encoding of the payload. */
  readonly encoding: string;
  /** The producer's text for the kind of the payload. */
  readonly kind: string;
}

/**
 * Turns values into payloads and back. `Input` is what a producer sends, `Output`
 * what a handler receives; a schema with defaults makes them differ.
 */
export interface Codec<Input, Output = Input> {
  /** The `encoding` of items that are sent. */
  readonly encoding: string;
  /** Makes a payload. @throws for a value that it cannot represent. */
  encode(value: Input): Uint8Array | Promise<Uint8Array>;
  /** Reads a payload. @throws for one that it cannot read; the item then counts as failed. */
  decode(payload: Uint8Array, content: EncodedContent): Output | Promise<Output>;
}

/** Passes payloads through. The default. */
export const bytes: Codec<Uint8Array> = {
  encoding: '',
  encode: (value) => value,
  decode: (payload) => payload,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Texts in UTF-8. A payload that is not UTF-8 cannot be read. */
export const text: Codec<string> = {
  encoding: 'text/plain; charset=utf-8',
  encode: (value) => encoder.encode(value),
  decode: (payload) => decoder.decode(payload),
};
