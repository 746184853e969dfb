import { type LogFields, type Logger, SystemClock, SystemRandom } from '@querator/core';
import { parseConfig, type RunningServer, startServer } from '../../../src/index.ts';
import { type RawReply, readReply } from '../../support/test-server.ts';

/** A partition storage, as the configuration has it. */
export interface StorageConfig {
  readonly name: string;
  readonly affinity?: number;
  readonly connectionString: string;
  readonly maxConns?: number;
}

/** One line of the server's log. */
export interface LogLine extends LogFields {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** A server on PostgreSQL storages, called over HTTP, that records its log. */
export class WatchedServer {
  readonly log: readonly LogLine[];
  readonly #server: RunningServer;

  private constructor(server: RunningServer, log: readonly LogLine[]) {
    this.#server = server;
    this.log = log;
  }

  /**
   * @param queues the connection string of the queue storage.
   * @param settings of the configuration file, besides the storages.
   */
  static async start(
    queues: string,
    storages: readonly StorageConfig[],
    settings: object = {},
  ): Promise<WatchedServer> {
    const log: LogLine[] = [];
    const write = (level: LogLine['level']) => (message: string, fields?: LogFields) =>
      void log.push({ level, message, ...fields });
    const logger: Logger = {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
    const config = parseConfig(
      JSON.stringify({
        address: '127.0.0.1:0',
        'queue-storage': { driver: 'postgres', config: { 'connection-string': queues } },
        'partition-storage': storages.map(({ name, affinity = 1, connectionString, maxConns }) => ({
          name,
          affinity,
          driver: 'postgres',
          config: {
            'connection-string': connectionString,
            ...(maxConns === undefined ? {} : { 'max-conns': maxConns }),
          },
        })),
        ...settings,
      }),
    );
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger };
    return new WatchedServer(await startServer(config, deps), log);
  }

  get url(): string {
    return this.#server.url;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Calls `/v1/`. */
  post(path: string, body: object): Promise<RawReply> {
    return this.postTo(`/v1/${path}`, body);
  }

  async postTo(path: string, body: object, apiKey?: string): Promise<RawReply> {
    const credentials = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
    const headers = { 'Content-Type': 'application/json', ...credentials };
    const url = this.#server.url + path;
    return readReply(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }));
  }

  async createQueue(queue_name: string, requested_partitions: number): Promise<void> {
    const settings = { lease_timeout: '10m', expire_timeout: '24h', requested_partitions };
    const { status, text } = await this.post('queues.create', { queue_name, ...settings });
    if (status !== 200) throw new Error(text);
  }

  produce(queue_name: string, payload: string, request_timeout = '10s'): Promise<RawReply> {
    return this.post('queue.produce', { queue_name, request_timeout, items: [{ utf8: payload }] });
  }

  /** How many log lines have this message. */
  logged(message: string): readonly LogLine[] {
    return this.log.filter((line) => line.message === message);
  }
}
