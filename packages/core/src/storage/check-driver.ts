import {
  type CheckedOptions,
  type GivenOptions,
  type OptionIssue,
  PORT_VERSION,
  type StorageDriver,
} from './storage-driver.ts';

const NAME = /^[a-z0-9@][a-z0-9@/._-]{0,63}$/;

/**
 * What is wrong with a value that should be a {@link StorageDriver}. Looks at its members
 * only, and calls none.
 *
 * @returns a text that follows the name of the value. Undefined: nothing.
 */
export function driverFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'is no storage driver: expected an object';
  const { portVersion, name, capabilities, options, create } = value as Partial<
    Record<keyof StorageDriver, unknown>
  >;
  if (typeof portVersion !== 'number') {
    return `is no storage driver: expected portVersion ${PORT_VERSION}`;
  }
  // First, because everything else may differ in another version.
  if (portVersion !== PORT_VERSION) {
    return `was made for version ${portVersion} of the storage ports, and version ${PORT_VERSION} is required: install a release of the driver for that version`;
  }
  if (typeof name !== 'string' || !NAME.test(name)) {
    return 'is no storage driver: its name must have 1 to 64 of the characters a-z, 0-9, -, _, ., / and @';
  }
  if (typeof capabilities !== 'object' || capabilities === null || !areClaims(capabilities)) {
    return 'is no storage driver: its capabilities must be an object of booleans with durable and shared';
  }
  if (typeof options !== 'function' && !isSchema(options)) {
    return 'is no storage driver: its options must be a function or a schema of Standard Schema';
  }
  if (typeof create !== 'function') return 'is no storage driver: create must be a function';
  return undefined;
}

/**
 * Checks the options of a storage by the schema or the function of its driver. Whatever the
 * driver does wrong is an issue too.
 */
export function checkOptions<Options>(
  { options }: Pick<StorageDriver<Options>, 'options'>,
  given: GivenOptions,
): CheckedOptions<Options> {
  let result: unknown;
  try {
    result = typeof options === 'function' ? options(given) : options['~standard'].validate(given);
  } catch (error) {
    return faulty(`the driver cannot check the options: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof result !== 'object' || result === null) {
    return faulty('the driver cannot check the options: its check returned neither a value nor issues');
  }
  if ('then' in result) {
    return faulty('the driver cannot check the options: its check returned a promise');
  }
  const { issues } = result as { readonly issues?: readonly OptionIssue[] };
  if (issues === undefined || issues.length === 0) return result as CheckedOptions<Options>;
  return { issues };
}

/** The keys that lead to the option of an issue. */
export function optionPath({ path = [] }: OptionIssue): readonly PropertyKey[] {
  return path.map((part) => (typeof part === 'object' ? part.key : part));
}

function faulty(message: string): { readonly issues: readonly OptionIssue[] } {
  return { issues: [{ message }] };
}

function areClaims(capabilities: object): boolean {
  const { durable, shared } = capabilities as Readonly<Record<string, unknown>>;
  const claims = Object.values(capabilities);
  return (
    typeof durable === 'boolean' &&
    typeof shared === 'boolean' &&
    claims.every((claim) => claim === undefined || typeof claim === 'boolean')
  );
}

function isSchema(options: unknown): boolean {
  const standard = (options as { readonly '~standard'?: { readonly validate?: unknown } } | undefined)?.[
    '~standard'
  ];
  return typeof standard?.validate === 'function';
}
