import { Agent, request } from 'node:http';
import { onTestFinished } from 'vitest';

/** A reply as received. */
export interface Reply {
  readonly status: number;
  readonly json: Record<string, never>;
}

/** Posts requests on one connection. */
export type Post = (path: string, body: object) => Promise<Reply>;

/**
 * A client that keeps one connection during a test, and so always reaches the
 * same worker. Rejects when the connection is lost.
 */
export function keptConnection(url: string): Post {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return (path, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json' };
      const message = request(url + path, { method: 'POST', agent, headers }, async (reply) => {
        try {
          const text = (await reply.toArray()).map(String).join('');
          resolve({ status: reply.statusCode ?? 0, json: JSON.parse(text) });
        } catch (error) {
          reject(error);
        }
      });
      message.on('error', reject).end(JSON.stringify(body));
    });
}
