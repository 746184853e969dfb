import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Whether a reader dies before its call arrives, or when the answer is on its way. */
export type Moment = 'before' | 'after';

/** Counts the calls of a reader, and lets none end from the one on at which it is killed. */
export class KilledReader {
  readonly #at: { readonly call: number; readonly moment: Moment };
  #calls = 0;
  #die: () => void = () => {};
  /** Resolves when the reader is killed. */
  readonly killed: Promise<'killed'>;

  /** @param at the call, from 1. */
  constructor(at: { readonly call: number; readonly moment: Moment }) {
    this.#at = at;
    this.killed = new Promise((resolve) => {
      this.#die = () => resolve('killed');
    });
  }

  /** Makes a call, unless the reader is dead. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    this.#calls++;
    const { call: last, moment } = this.#at;
    if (this.#calls < last) return call();
    if (this.#calls === last) {
      if (moment === 'after') await call();
      this.#die();
    }
    return new Promise(() => {});
  }
}

/** Stands between a reader and SQS. It knows the receipts of messages, and SQS does not wait for messages behind it. */
export class SqsProxy {
  readonly #server: Server;
  readonly #sqs: string;
  #reader: KilledReader | undefined;
  /** Of the messages that were received. */
  readonly receipts: string[] = [];

  private constructor(sqs: string) {
    this.#sqs = sqs;
    this.#server = createServer((request, response) => {
      const { 'x-amz-target': target = '', authorization = '', 'content-type': type = '' } = request.headers;
      const headers = { 'x-amz-target': String(target), authorization, 'content-type': type };
      const answer = async () => {
        const sent = (await text(request)).replaceAll(this.url, this.#sqs);
        const body = sent.replace(/"WaitTimeSeconds":\d+/, '"WaitTimeSeconds":0');
        const reply = await fetch(this.#sqs, { method: 'POST', headers, body });
        const got = await reply.text();
        const { Messages = [] } = JSON.parse(got || '{}') as {
          Messages?: readonly { ReceiptHandle: string }[];
        };
        this.receipts.push(...Messages.map(({ ReceiptHandle }) => ReceiptHandle));
        return { status: reply.status, got };
      };
      void (this.#reader === undefined ? answer() : this.#reader.pass(answer)).then(({ status, got }) => {
        response.writeHead(status).end(got);
      });
    });
  }

  /** @param sqs the address of SQS, with a slash at its end. */
  static async start(sqs: string): Promise<SqsProxy> {
    const proxy = new SqsProxy(sqs);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The address, with a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Whose calls follow. Undefined: those of a reader that is not killed. */
  serves(reader: KilledReader | undefined): void {
    this.#reader = reader;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
