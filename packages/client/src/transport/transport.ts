/** An outgoing request; always a POST. */
export interface TransportRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Aborts the exchange. */
  readonly signal: AbortSignal;
}

/** The reply. */
export interface TransportReply {
  readonly status: number;
  /** The raw header; empty if there was none. */
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The value of a header; its name is case-insensitive. Undefined if there was none. */
  readonly header: (name: string) => string | undefined;
}

/**
 * One HTTP exchange. It has no timeout of its own, because a lease may wait for
 * 15 minutes. It never sends a request twice.
 *
 * Throws `ConnectError` if nothing was sent, otherwise `ConnectionLostError`.
 * Errors after the signal was aborted are ignored.
 */
export type Transport = (request: TransportRequest) => Promise<TransportReply>;
