/** An outgoing request; always a POST. */
export interface TransportRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
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

/** How an exchange ends: with a reply, or with a `ConnectError` or `ConnectionLostError`. */
export interface TransportListener {
  readonly replied: (reply: TransportReply) => void;
  readonly failed: (error: Error) => void;
}

/**
 * Begins one HTTP exchange. It has no timeout of its own, because a lease may wait
 * for 15 minutes. It never sends a request twice.
 *
 * Callbacks and not a promise and a signal: those cost as much as a third of the
 * exchange itself.
 *
 * @returns a function that aborts the exchange. What the listener hears after that is ignored.
 */
export type Transport = (request: TransportRequest, listener: TransportListener) => () => void;
