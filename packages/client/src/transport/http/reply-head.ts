import { ReplySyntaxError } from './reply-syntax-error.ts';

/** The status line and the headers of a reply. */
export interface ReplyHead {
  readonly status: number;
  /** The values by lower-case name. Repeated headers are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the server keeps the connection open after this reply. */
  readonly keepsOpen: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/**
 * Parses the head of a reply, without the empty line at its end.
 *
 * @throws ReplySyntaxError if it is not the head of an HTTP/1 reply.
 */
export function parseReplyHead(text: string): ReplyHead {
  const lines = text.split('\r\n');
  const [, minor, status] = STATUS_LINE.exec(lines[0] as string) ?? [];
  if (status === undefined) throw new ReplySyntaxError('the status line is not one of HTTP/1');
  const headers = new Map<string, string>();
  for (let n = 1; n < lines.length; n++) {
    const [, name, value] = HEADER_LINE.exec(lines[n] as string) ?? [];
    if (name === undefined || value === undefined) throw new ReplySyntaxError(`header ${n} is malformed`);
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(status), headers, keepsOpen: keepsOpen(minor === '1', headers.get('connection')) };
}

function keepsOpen(isByDefault: boolean, connection: string | undefined): boolean {
  if (connection === undefined) return isByDefault;
  const options = connection.toLowerCase().split(/[ \t]*,[ \t]*/);
  return isByDefault ? !options.includes('close') : options.includes('keep-alive');
}
