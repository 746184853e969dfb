import { ChunkedBody } from './chunked-body.ts';
import type { ReplyBody } from './reply-body.ts';
import type { ReplyHead } from './reply-head.ts';
import { ReplySyntaxError } from './reply-syntax-error.ts';
import { SizedBody } from './sized-body.ts';

const NO_BODY: ReadonlySet<number> = new Set([204, 304]);
/** Up to 2^50, which no body reaches. */
const LENGTH = /^\d{1,15}$/;

/**
 * The body that a head announces.
 *
 * @throws ReplySyntaxError if it is not clear where the body ends.
 */
export function announcedBody({ status, headers }: ReplyHead): ReplyBody {
  const coding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (NO_BODY.has(status)) return new SizedBody(0);
  if (coding !== undefined) {
    if (length !== undefined) throw new ReplySyntaxError('it has both Content-Length and Transfer-Encoding');
    if (coding.toLowerCase() !== 'chunked')
      throw new ReplySyntaxError('its Transfer-Encoding is not chunked');
    return new ChunkedBody();
  }
  if (length === undefined) return new SizedBody(Number.POSITIVE_INFINITY);
  if (!LENGTH.test(length)) throw new ReplySyntaxError('its Content-Length is not a number');
  return new SizedBody(Number(length));
}
