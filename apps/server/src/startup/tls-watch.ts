import { stat } from 'node:fs/promises';
import type { Server as TlsServer } from 'node:tls';
import type { CancelTimer, Clock, Logger } from '@querator/core';
import type { TlsSettings } from '../config/schema.ts';
import { expiryOf, readTlsFiles, type TlsFiles } from '../config/tls-files.ts';

/** How soon a changed file is noticed. */
const POLL_MS = 10_000;

/** The dependencies of a watch. */
export interface TlsWatchDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The files of a listener, and a state that differs once they have changed. */
export interface WatchedFiles {
  readonly files: TlsFiles;
  readonly state: string;
}

/** Reads the files of a listener. @throws TlsFileError if they cannot be used. */
export async function readWatchedFiles(settings: TlsSettings): Promise<WatchedFiles> {
  // Before the files: a change in between is noticed later.
  const state = await stateOf(settings);
  return { files: readTlsFiles(settings), state };
}

/**
 * Keeps the certificates of a listener up to date. New connections use the new
 * files; open ones keep the old files. A pair that cannot be used changes nothing.
 */
export class TlsWatch {
  readonly #server: Pick<TlsServer, 'setSecureContext'>;
  readonly #deps: TlsWatchDeps;
  #settings: TlsSettings;
  /** The state of the files when they were last read, whether or not they could be used. */
  #seen = '';
  #cancel: CancelTimer | undefined;
  #stopped = false;

  constructor(server: Pick<TlsServer, 'setSecureContext'>, settings: TlsSettings, deps: TlsWatchDeps) {
    this.#server = server;
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Starts to watch the files. The server uses those that were read last. */
  start({ files, state }: WatchedFiles): void {
    this.#warnIfExpired(files);
    this.#seen = state;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /**
   * Reads the files again, whether or not they changed. Never rejects.
   *
   * @param settings the new ones. Only its paths and versions count.
   */
  async reload(settings: TlsSettings): Promise<void> {
    this.#settings = settings;
    this.#seen = await stateOf(settings);
    this.#read();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#cancel = this.#deps.clock.startTimer(POLL_MS, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const state = await stateOf(this.#settings);
    if (state !== this.#seen && !this.#stopped) {
      this.#seen = state;
      this.#read();
    }
    this.#schedule();
  }

  #read(): void {
    const { logger } = this.#deps;
    try {
      const files = readTlsFiles(this.#settings);
      this.#server.setSecureContext(files);
      logger.info('reloaded the TLS certificate', {
        file: this.#settings.cert,
        expires: expiryOf(files).toISOString(),
      });
      this.#warnIfExpired(files);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn('the changed TLS files cannot be used; the old ones stay in use', { reason });
    }
  }

  #warnIfExpired(files: TlsFiles): void {
    const { clock, logger } = this.#deps;
    const expires = expiryOf(files);
    if (BigInt(expires.getTime()) * 1_000n > clock.now()) return;
    logger.warn('the TLS certificate has expired', {
      file: this.#settings.cert,
      expires: expires.toISOString(),
    });
  }
}

/** Changes when a file is written, replaced, or a link to it points elsewhere. */
async function stateOf({ cert, key, 'client-ca': clientCa }: TlsSettings): Promise<string> {
  const files = [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
  const states = files.map((file) =>
    stat(file, { bigint: true }).then(
      ({ ino, size, mtimeNs, ctimeNs }) => [ino, size, mtimeNs, ctimeNs].join(':'),
      (error: NodeJS.ErrnoException) => error.code,
    ),
  );
  return (await Promise.all(states)).join(' ');
}
