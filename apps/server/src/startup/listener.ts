import type { Server } from 'node:http';
import { type TLSSocket, type TlsOptions, Server as TlsServer } from 'node:tls';
import type { Clock, Logger } from '@querator/core';
import type { TlsSettings } from '../config/schema.ts';
import type { TlsFiles } from '../config/tls-files.ts';
import { Drain } from '../http/node/drain.ts';
import { createHttpServer, type HttpServerOptions } from '../http/node/http-server.ts';
import { limitHandshakes } from '../http/node/limit-handshakes.ts';
import { listen, urlOf } from './listen-address.ts';
import { readWatchedFiles, TlsWatch, type WatchedFiles } from './tls-watch.ts';

/** Idle connections stay open this long. Closing one races with the client's next request on it. */
const KEEP_ALIVE_MS = 300_000;
/** From the start of a connection to the end of its request, with the wait for a free place. */
const REQUEST_TIMEOUT_MS = 300_000;

/** The settings and dependencies of a listener. */
export interface ListenerOptions {
  readonly address: string;
  /** Undefined: connections are not encrypted. */
  readonly tls: TlsSettings | undefined;
  readonly http: HttpServerOptions;
  /** Whether other processes listen on the same port. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A port on which a server answers. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #http: Server;
  readonly #drain: Drain;
  readonly #tls: TlsWatch | undefined;

  private constructor(options: ListenerOptions, watched: WatchedFiles | undefined) {
    const { tls, clock, logger } = options;
    this.#options = options;
    this.#http = createHttpServer(options.http, watched && tls && tlsOptions(watched.files, tls));
    this.#http.keepAliveTimeout = KEEP_ALIVE_MS;
    this.#http.headersTimeout = REQUEST_TIMEOUT_MS;
    this.#http.requestTimeout = REQUEST_TIMEOUT_MS;
    this.#drain = new Drain(this.#http, clock);
    if (tls === undefined || watched === undefined || !(this.#http instanceof TlsServer)) return;
    limitHandshakes(this.#http);
    this.#http.on('secureConnection', refuseUnverified);
    this.#tls = new TlsWatch(this.#http, tls, { clock, logger });
    this.#tls.start(watched);
  }

  /** @throws TlsFileError if a file of the TLS settings cannot be used. */
  static async create(options: ListenerOptions): Promise<Listener> {
    const { tls } = options;
    return new Listener(options, tls === undefined ? undefined : await readWatchedFiles(tls));
  }

  /** `http://host:port` or `https://host:port`, with the port that it got. */
  get url(): string {
    return urlOf(this.#http, this.#options.address);
  }

  /** Starts to listen. @throws Error with a text for people. */
  async start(): Promise<void> {
    await listen(this.#http, this.#options.address, this.#options.isShared);
  }

  /** Uses changed TLS settings for new connections. Never rejects. */
  async reload(tls: TlsSettings | undefined): Promise<void> {
    if (tls !== undefined) await this.#tls?.reload(tls);
  }

  /** Makes every further reply close its connection. */
  beginStop(): void {
    this.#drain.begin();
  }

  /** Answers for `lingerMs` more, then closes the port and all connections. */
  async endStop(lingerMs: number): Promise<void> {
    this.#tls?.stop();
    await this.#drain.end(lingerMs);
  }

  /** Closes the port at once, if it is open. For a server that did not start. */
  abandon(): void {
    this.#tls?.stop();
    this.#http.close();
    this.#http.closeAllConnections();
  }
}

function tlsOptions(files: TlsFiles, settings: TlsSettings): TlsOptions {
  const rejectUnauthorized = settings['client-certificates'] !== 'optional';
  return { ...files, requestCert: files.ca !== undefined, rejectUnauthorized };
}

/** Closes a connection with an unverified certificate. Node accepts it if certificates are optional. */
function refuseUnverified(socket: TLSSocket): void {
  if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) socket.destroy();
}
