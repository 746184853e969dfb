import type { CallHeaders } from '../call/call-headers.ts';

const NAME = 'querator_session';

/** A longer value is none of ours. */
const LONGEST = 2_048;

/**
 * The value of the session's cookie in the header `Cookie`. Undefined: there is none.
 * Empty: it cannot be ours. That is also the case if there are several, since another
 * site of the same domain may have added one.
 */
export function cookieIn(header: string): string | undefined {
  if (!header.includes(NAME)) return undefined;
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`))
    .map((pair) => pair.slice(NAME.length + 1));
  const [value] = values;
  if (value === undefined) return undefined;
  return values.length > 1 || value.length > LONGEST ? '' : value;
}

/**
 * The header `Set-Cookie` of a session. Its path is `/`, because the server does not know the
 * prefix that a proxy adds.
 *
 * @param seconds how long a browser keeps it. 0: it removes the cookie.
 */
export function setCookie(value: string, seconds: number, headers: CallHeaders): Record<string, string> {
  const secure = isEncrypted(headers) ? '; Secure' : '';
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
  return { 'Set-Cookie': `${NAME}=${value}; ${attributes}` };
}

/**
 * Whether the browser uses HTTPS. A proxy or the page may say so. A client that says it
 * falsely only gets a cookie that its browser does not send.
 */
function isEncrypted({ connection, forwardedProto, origin }: CallHeaders): boolean {
  const { encrypted } = (connection ?? {}) as { readonly encrypted?: boolean };
  const [proto] = forwardedProto?.split(',') ?? [];
  return encrypted === true || proto?.trim() === 'https' || origin?.startsWith('https://') === true;
}
