/** A shorter value may stand in a message by chance, as `1` or `on` does. */
const SHORT_VALUE = 4;

/** Levels of nested options that are searched. */
const DEEPEST = 20;

/**
 * Replaces the values of options in a text of a driver. Such a text goes to logs and error
 * messages, and an option may be a password.
 *
 * @param options the options of the storage that the text is about.
 */
export function withoutValues(text: string, options: unknown): string {
  return [...new Set(valuesIn(options))]
    .filter((value) => value.length >= SHORT_VALUE)
    .sort((a, b) => b.length - a.length)
    .reduce((hidden, value) => hidden.replaceAll(value, '…'), text);
}

function valuesIn(options: unknown, depth = 0): string[] {
  if (typeof options === 'string') return [options, ...passwordsIn(options)];
  if (typeof options === 'number') return [String(options)];
  if (typeof options !== 'object' || options === null || depth > DEEPEST) return [];
  return Object.values(options).flatMap((each) => valuesIn(each, depth + 1));
}

/** The password of a URL, as it is written and as it is sent. */
function passwordsIn(text: string): string[] {
  const password = URL.parse(text)?.password ?? '';
  return password === '' ? [] : [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
