/** A reply of a server. */
export interface Answer {
  readonly status: number;
  /** The error's text. Empty: there is none. */
  readonly message: string;
  // biome-ignore lint/suspicious/noExplicitAny: each call has a reply of its own.
  readonly json: any;
}

/** Makes one call of the HTTP API, in JSON. @param call of `v1`, such as `queue.lease`, or with its version: `v2/tasks.get`. */
export async function callServer(url: string, call: string, body: object): Promise<Answer> {
  const path = /^v[0-9]+\//.test(call) ? call : `v1/${call}`;
  const response = await fetch(`${url}/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const json = JSON.parse(await response.text());
  return { status: response.status, message: json.message ?? '', json };
}
