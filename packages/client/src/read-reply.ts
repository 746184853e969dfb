import {
  codecs,
  decodeBody,
  ERROR_STATUSES,
  MEDIA_TYPES,
  type MessageCodec,
  type WireFormat,
} from '@querator/protocol';
import { BrokenReplyError } from './errors/broken-reply-error.ts';
import { InfrastructureError } from './errors/infrastructure-error.ts';
import { ReplyError } from './errors/reply-error.ts';
import type { TransportReply } from './transport/transport.ts';

/** The statuses of a Querator server (docs/reference/errors.md). */
const KNOWN_STATUSES: ReadonlySet<number> = new Set([
  ...Object.values(ERROR_STATUSES).map(({ status }) => status),
  404,
  409,
  429,
  452,
  512,
]);

/**
 * Decodes a reply.
 *
 * @throws ReplyError if the server refused the request.
 * @throws BrokenReplyError if it reported success in an unreadable reply.
 * @throws InfrastructureError if the reply is not from a Querator server.
 */
export function readReply<T>(codec: MessageCodec<T>, url: string, reply: TransportReply): T {
  const { status, contentType, body } = reply;
  if (status !== 200 && !KNOWN_STATUSES.has(status)) {
    throw new InfrastructureError(url, status, 'which no Querator server sends');
  }
  const format = formatOf(contentType);
  if (format === undefined) {
    throw new InfrastructureError(url, status, `content type '${contentType}'`);
  }
  if (status === 200) return decodeSuccess(codec, url, { format, body });
  throw decodeRefusal(url, status, { format, body });
}

interface Body {
  readonly format: WireFormat;
  readonly body: Uint8Array;
}

function decodeSuccess<T>(codec: MessageCodec<T>, url: string, { format, body }: Body): T {
  try {
    return decodeBody(codec, format, body);
  } catch (error) {
    throw new BrokenReplyError(url, (error as Error).message, error);
  }
}

function decodeRefusal(url: string, status: number, { format, body }: Body): Error {
  try {
    const reply = decodeBody(codecs.Reply, format, body);
    if (reply.code !== 0) return new ReplyError(url, reply);
  } catch (error) {
    return new InfrastructureError(url, status, 'with an unreadable body', error);
  }
  return new InfrastructureError(url, status, 'with a body that names no code');
}

function formatOf(contentType: string): WireFormat | undefined {
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === MEDIA_TYPES.protobuf) return 'protobuf';
  return mediaType === MEDIA_TYPES.json ? 'json' : undefined;
}
