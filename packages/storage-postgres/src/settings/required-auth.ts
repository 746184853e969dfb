const METHODS = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'none'] as const;

/** How a server may authenticate the user. `none`: by nothing, or by a certificate. */
export type AuthMethod = (typeof METHODS)[number];

/** `require_auth`, with libpq's meaning. */
export interface RequiredAuth {
  /** Whether a server may use this method. */
  readonly allows: (method: AuthMethod) => boolean;
  /** Whether the setting names passwords in clear text. */
  readonly namesPassword: boolean;
  /** The setting as it was written, for errors. */
  readonly text: string;
}

/**
 * Reads `require_auth`: methods separated by commas, or excluded methods, each with an
 * exclamation mark.
 *
 * @throws Error when it is neither, or names an unknown method.
 */
export function parseRequiredAuth(text: string | undefined): RequiredAuth | undefined {
  if (text === undefined || text === '') return undefined;
  const words = text.split(',').map((word) => word.trim());
  const negated = words[0]?.startsWith('!') ?? false;
  if (words.some((word) => word.startsWith('!') !== negated)) {
    throw new Error('require_auth must either name methods, or rule methods out with !');
  }
  const named = new Set<AuthMethod>();
  for (const word of words) {
    const method = METHODS.find((each) => each === (negated ? word.slice(1) : word));
    if (method === undefined) throw new Error(`require_auth must be made of ${METHODS.join(', ')}`);
    if (named.has(method)) throw new Error('require_auth names a method twice');
    if (!negated && (method === 'gss' || method === 'sspi')) {
      throw new Error(`require_auth: ${method} is not supported`);
    }
    named.add(method);
  }
  return {
    allows: (method) => named.has(method) !== negated,
    namesPassword: !negated && named.has('password'),
    text,
  };
}
