/** Calls the API of a server with one key, in JSON. */
export class ApiCaller {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** The same server, with another key. */
  with(key: string): ApiCaller {
    return new ApiCaller(this.#url, key);
  }

  /**
   * Makes a call. @param path such as `v2/queue.lease`.
   *
   * @throws Error with the text of the server if it refuses.
   */
  // biome-ignore lint/suspicious/noExplicitAny: each call has a reply of its own.
  async call(path: string, request: object): Promise<any> {
    const reply = await fetch(`${this.#url}/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.#key}` },
      body: JSON.stringify(request),
    });
    const json = JSON.parse(await reply.text());
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${json.message}`);
    return json;
  }
}
