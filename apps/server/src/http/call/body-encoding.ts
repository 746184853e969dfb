import { errorText, QueueError } from '@querator/core';
import type { CallHeaders } from './call-headers.ts';

/**
 * Refuses a compressed body by its headers. The server decompresses nothing, and
 * a compressed body would be malformed JSON to it.
 *
 * @throws QueueError `content` naming the header.
 */
export function checkBodyEncoding({ contentEncoding, transferEncoding }: CallHeaders): void {
  if (contentEncoding !== undefined && !/^(identity)?$/i.test(contentEncoding)) {
    throw unsupported('Content-Encoding', contentEncoding, 'identity');
  }
  if (transferEncoding !== undefined && !/^chunked$/i.test(transferEncoding)) {
    throw unsupported('Transfer-Encoding', transferEncoding, 'chunked');
  }
}

function unsupported(header: string, value: string, supported: string): QueueError {
  return new QueueError(
    'content',
    errorText`${header} header '${value}' is not supported; only ${supported} is`,
  );
}
