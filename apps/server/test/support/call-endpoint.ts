import { type AnyEndpoint, codecs } from '@querator/protocol';

/** An encoding of the API. */
export type Format = 'json' | 'protobuf';

/**
 * Makes a call in one of the encodings.
 *
 * @param endpoint a row of protocol's tables.
 * @param message the request, in the form of JSON.
 * @param key the API key of the caller. Undefined: none.
 * @returns the reply, or that of an error, in the form of JSON.
 */
export async function callEndpoint(
  url: string,
  endpoint: unknown,
  { format, message, key }: { readonly format: Format; readonly message: object; readonly key?: string },
) {
  const { path, request, response } = endpoint as AnyEndpoint;
  const json = Buffer.from(JSON.stringify(message));
  const reply = await fetch(url + path, {
    method: 'POST',
    headers: {
      'Content-Type': `application/${format}`,
      Accept: `application/${format}`,
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    },
    body: format === 'json' ? json : Buffer.from(request.encode(request.fromJson(json))),
  });
  const bytes = new Uint8Array(await reply.arrayBuffer());
  const codec = reply.status === 200 ? response : (codecs.Reply as AnyEndpoint['response']);
  return JSON.parse(Buffer.from(format === 'json' ? bytes : codec.toJson(codec.decode(bytes))).toString());
}
