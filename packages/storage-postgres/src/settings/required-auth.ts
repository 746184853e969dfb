const METHODS = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'none'] as const;

/** How a server may find out who connects; `none`: it asks for nothing, or for a certificate. */
export type AuthMethod = (typeof METHODS)[number];

/** `require_auth`, with libpq's meaning. */
export interface RequiredAuth {
  /** Whether a server may let the user in by this. */
  readonly allows: (method: AuthMethod) => boolean;
  /** Whether passwords in clear text were asked for by name. */
  readonly namesPassword: boolean;
  /** As it was written, for errors. */
  readonly text: string;
}

/**
 * Reads `require_auth`: methods with commas between, or methods that are ruled
 * out, each with an exclamation mark.
 *
 * @throws Error when it is neither, or names a method that there is not here.
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
