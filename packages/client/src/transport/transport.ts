/** A request as it goes out: always a POST. */
export interface TransportRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Ends the exchange when aborted. */
  readonly signal: AbortSignal;
}

/** Whatever came back. */
export interface TransportReply {
  readonly status: number;
  /** The raw header; empty where there was none. */
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The value of a header, whatever the case of its name; undefined where there was none. */
  readonly header: (name: string) => string | undefined;
}

/**
 * One HTTP exchange. Waits as long as the signal lets it, since a lease may
 * wait for a quarter of an hour, and never sends a request twice.
 *
 * If it fails it throws `ConnectError` when nothing was sent, and
 * `ConnectionLostError` otherwise; what it throws after the signal was aborted
 * is of no interest.
 */
export type Transport = (request: TransportRequest) => Promise<TransportReply>;
