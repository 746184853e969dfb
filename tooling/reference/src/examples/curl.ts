/** A request to the server. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
}

/** A request whose body is text. */
interface TextRequest extends HttpRequest {
  readonly body?: string | undefined;
}

const BASE = 'http://localhost:2319';

/**
 * Reads one curl command: `-s`, `-i`, `-d`, `-H` and a URL of the local server.
 *
 * @throws Error for anything else.
 */
export function parseCurl(command: string): TextRequest {
  const [program, ...words] = shellWords(command);
  if (program !== 'curl') throw new Error(`not a curl command: ${command}`);
  const headers: Record<string, string> = {};
  let body: string | undefined;
  let path: string | undefined;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-s' || word === '-i') continue;
    if (word === '-d') body = words.shift();
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: (.*)/s);
      headers[name] = value;
    } else if (word.startsWith(BASE)) path = word.slice(BASE.length);
    else throw new Error(`unknown word in a curl command: ${word}`);
  }
  if (path === undefined) throw new Error(`a curl command without a URL: ${command}`);
  // curl sends a body as a form. The pages name its type instead.
  if (body !== undefined && headers['Content-Type'] === undefined) {
    throw new Error(`a curl command without a Content-Type: ${command}`);
  }
  return { method: body === undefined ? 'GET' : 'POST', path, headers, body };
}

/** Splits a command into words: blanks, single quotes, and a backslash at the end of a line. */
function shellWords(command: string): string[] {
  const words = command.replaceAll('\\\n', ' ').match(/'[^']*'|[^\s']+/g) ?? [];
  return words.map((word) => word.replace(/^'([^']*)'$/s, '$1'));
}
