import { signal } from '@preact/signals';
import { CallError, type ErrorReply, errorOfReply } from './call-error.ts';

/** Since when the server has not answered, in milliseconds since 1970. Undefined: it answers. */
export const unreachableSince = signal<number | undefined>(undefined);

/** How often the server said that there is no session. */
export const signedOutCount = signal(0);

/** How often the server refused a call for want of a permission. */
export const forbiddenCount = signal(0);

let api = new URL('../', document.baseURI);

/** Says where `v1/` and `v2/` are. @param relative to the page. */
export function setApi(relative: string): void {
  api = new URL(relative, document.baseURI);
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** A refused key then says nothing about the present session. */
  readonly isSignIn?: boolean;
}

/**
 * Makes a call of the API with the session's cookie.
 *
 * @param path such as `v2/queues.list`.
 * @throws CallError; or the reason of the signal, if it is aborted.
 */
export async function call<Reply>(path: string, request: object, options: CallOptions = {}): Promise<Reply> {
  const response = await send(path, request, options);
  const text = await readText(response, options);
  if (response.ok) return (text === '' ? {} : JSON.parse(text)) as Reply;
  const error = errorOfReply(response.status, readError(text));
  if (error.kind === 'signed-out' && !options.isSignIn) signedOutCount.value++;
  if (error.kind === 'forbidden') forbiddenCount.value++;
  throw error;
}

async function send(path: string, request: object, { signal, headers = {} }: CallOptions): Promise<Response> {
  try {
    const response = await fetch(new URL(path, api), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
      body: JSON.stringify(request),
      credentials: 'same-origin',
      ...(signal === undefined ? {} : { signal }),
    });
    unreachableSince.value = undefined;
    return response;
  } catch (error) {
    throw unreachable(error, signal);
  }
}

async function readText(response: Response, { signal }: CallOptions): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw unreachable(error, signal);
  }
}

function unreachable(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return error;
  unreachableSince.value ??= Date.now();
  return new CallError('unreachable', 'The server does not answer.');
}

/** A proxy between may reply with a page of its own. */
function readError(text: string): ErrorReply {
  try {
    return JSON.parse(text) as ErrorReply;
  } catch {
    return {};
  }
}
