import { validateHeaderName, validateHeaderValue } from 'node:http';

/**
 * The head of a POST request up to the number of its Content-Length.
 *
 * @throws TypeError if a header is not one, such as a value with a line break.
 */
export function requestHead(url: URL, headers: Readonly<Record<string, string>>): string {
  let lines = `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: keep-alive\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return `${lines}Content-Length: `;
}
