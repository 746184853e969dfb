import { Agent, request } from 'node:http';
import { codecs, MEDIA_TYPES, queuesEndpoints } from '@querator/protocol';
import type { ClientTargetOptions } from './client-target.ts';

/** The request of `ClientTarget.bare` by Node's own HTTP client: the same bytes, and the reply as bytes. */
export class BareCalls {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: URL;
  readonly #body: Uint8Array;

  constructor({ endpoint, queue: queueName }: ClientTargetOptions) {
    const { path } = queuesEndpoints.info;
    this.#url = new URL(path, endpoint);
    this.#body = codecs.QueuesInfoRequest.encode({ queueName });
  }

  call(): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        'Content-Type': MEDIA_TYPES.protobuf,
        Accept: MEDIA_TYPES.protobuf,
        'Content-Length': this.#body.length,
      };
      const sent = request(this.#url, { method: 'POST', headers, agent: this.#agent }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('end', () => {
          if (reply.statusCode === 200) resolve();
          else reject(new Error(`${reply.statusCode} ${Buffer.concat(chunks)}`));
        });
        reply.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(this.#body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
