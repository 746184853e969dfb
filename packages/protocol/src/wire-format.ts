/** How a body is written: protobuf's JSON mapping, or protobuf binary. */
export type WireFormat = 'json' | 'protobuf';

/** The `Content-Type` of a body. Without a charset, as the reference sends it. */
export const MEDIA_TYPES: Readonly<Record<WireFormat, string>> = {
  json: 'application/json',
  protobuf: 'application/protobuf',
};
