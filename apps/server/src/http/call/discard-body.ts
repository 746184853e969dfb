import type { IncomingMessage } from 'node:http';
import { BODY_LIMITS } from '@querator/protocol';

/** The longest body of any call. A client that sends more after its refusal is cut off. */
const MOST_BYTES = BODY_LIMITS.import;

/**
 * Reads the rest of a refused body and drops it. Closing the connection instead
 * would make a client that still sends lose the reply.
 *
 * @param onEnd is called once the body is complete, or its connection broke.
 */
export function discardBody(incoming: IncomingMessage, onEnd?: () => void): void {
  let left = MOST_BYTES;
  incoming.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) incoming.destroy();
  });
  // Without a listener an error ends the process.
  incoming.on('error', () => {});
  if (onEnd !== undefined) incoming.once('close', onEnd);
}
