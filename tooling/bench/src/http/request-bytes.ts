import { codecs, type Endpoint, encodeBody, MEDIA_TYPES, type WireFormat } from '@querator/protocol';

/** The head of a request, without its length. */
export function requestHead(path: string, format: WireFormat): string {
  const type = MEDIA_TYPES[format];
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\nAccept: ${type}\r\nContent-Length: `;
}

/** The bytes of head and body. @param apiKey undefined: the request has none. */
export function requestBytes(path: string, format: WireFormat, body: Uint8Array, apiKey?: string): Buffer {
  const key = apiKey === undefined ? '' : `\r\nAuthorization: Bearer ${apiKey}`;
  const head = `${requestHead(path, format)}${body.length}${key}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/** A call's request as bytes. */
export function callBytes<Request, Response>(
  endpoint: Endpoint<Request, Response>,
  format: WireFormat,
  message: Request,
  apiKey?: string,
): Buffer {
  return requestBytes(endpoint.path, format, encodeBody(endpoint.request, format, message), apiKey);
}

/** The error text of a reply. */
export function refusal(format: WireFormat, body: Buffer): string {
  try {
    return (format === 'json' ? codecs.Reply.fromJson(body) : codecs.Reply.decode(body)).message;
  } catch {
    return body.toString('latin1', 0, 200);
  }
}
