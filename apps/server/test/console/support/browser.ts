import { type RawReply, readReply } from '../../support/test-server.ts';

/** The headers of a request that a page of the server itself sends. */
export const OWN_PAGE = { 'Sec-Fetch-Site': 'same-origin' };

/** A browser on a page of a server: it keeps the cookie of its session. */
export class Browser {
  readonly #headers: Record<string, string>;
  /** What it sends as `Cookie`. Undefined: nothing. */
  cookie: string | undefined;

  constructor(headers: Record<string, string> = OWN_PAGE) {
    this.#headers = headers;
  }

  /** The header `Set-Cookie` of the last reply that had one. */
  received = '';

  async post(
    url: string,
    call: string,
    body: object = {},
    headers: Record<string, string> = {},
  ): Promise<RawReply> {
    const reply = await fetch(`${url}${call}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        'Content-Type': 'application/json',
        ...this.#headers,
        ...(this.cookie !== undefined && { Cookie: this.cookie }),
        ...headers,
      },
    });
    const received = reply.headers.get('set-cookie');
    if (received !== null) {
      this.received = received;
      this.cookie = received.split(';')[0];
    }
    return readReply(reply);
  }

  /** Opens a session with a key. */
  logIn(url: string, key: string, body: object = {}): Promise<RawReply> {
    return this.post(url, '/v2/session.create', body, { Authorization: `Bearer ${key}` });
  }
}
