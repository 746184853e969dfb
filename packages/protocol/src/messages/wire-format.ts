/** The format of a body: protobuf's JSON mapping, or protobuf binary. */
export type WireFormat = 'json' | 'protobuf';

/** The `Content-Type` of a format. The reference server sends no charset either. */
export const MEDIA_TYPES: Readonly<Record<WireFormat, string>> = {
  json: 'application/json',
  protobuf: 'application/protobuf',
};
