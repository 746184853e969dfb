const STEP = '  ';

/**
 * Lays JSON out on lines. Only white space between the tokens changes: numbers keep all of their
 * digits, and texts their escapes.
 *
 * @returns undefined if the text is not JSON.
 */
export function indentJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  let depth = 0;
  const lines = (tokens: readonly string[]) =>
    tokens.map((token, i) => {
      if (token === '{' || token === '[') {
        return tokens[i + 1] === closing(token) ? token : `${token}\n${STEP.repeat(++depth)}`;
      }
      if (token === '}' || token === ']') {
        return closing(tokens[i - 1] ?? '') === token ? token : `\n${STEP.repeat(--depth)}${token}`;
      }
      if (token === ',') return `,\n${STEP.repeat(depth)}`;
      return token === ':' ? ': ' : token;
    });
  return lines(text.match(TOKEN) ?? []).join('');
}

/** The text is known to be JSON, so a token is a text, a mark, or a run of anything but white space. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

function closing(token: string): string {
  return token === '{' ? '}' : token === '[' ? ']' : 'none';
}
