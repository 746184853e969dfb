/** The schemes whose origins leave out the default port. */
const WEB = /^https?:/;
/** A scheme, and a host with or without a port: no path, no user, no wildcard. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*,]+$/;

/**
 * The origin of a web page as browsers send it.
 *
 * @param text as an operator writes it, in any case and with or without a default port.
 * @returns undefined if it is no origin. `null` is none: every sandboxed page has it.
 */
export function originOf(text: string): string | undefined {
  const origin = text.toLowerCase();
  if (!ORIGIN.test(origin)) return undefined;
  if (!WEB.test(origin)) return origin;
  return URL.canParse(origin) ? new URL(origin).origin : undefined;
}
