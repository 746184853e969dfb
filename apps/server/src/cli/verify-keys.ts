import type { CompareKeysOptions, KeyDigests, KeysLeftOut } from '@querator/migration';
import { sayKeysNotCompared } from './carried-keys.ts';
import type { Cli } from './cli.ts';

/** The dedup keys that queues should hold, or why they are not known, and where they come from. */
export interface WantedKeys {
  readonly wanted: readonly (readonly [queue: string, keys: KeyDigests | KeysLeftOut])[];
  /** In words, such as `the file`. */
  readonly source: string;
}

/** What a comparison of dedup keys found. */
export interface VerifiedKeys {
  /** What is wrong, in words, queue by queue. */
  readonly wrong: readonly string[];
  /** How many keys are as they should be. */
  readonly same: number;
}

/**
 * Compares the dedup keys of queues with those that they should hold. Names the queues whose keys cannot be compared.
 *
 * @throws the error of a call.
 */
export async function verifyKeys(
  cli: Cli,
  options: CompareKeysOptions,
  { wanted, source }: WantedKeys,
): Promise<VerifiedKeys> {
  const { compareKeys } = await import('@querator/migration');
  const wrong: string[] = [];
  const skipped: (readonly [queue: string, reason: KeysLeftOut])[] = [];
  let same = 0;
  for (const [queue, expected] of wanted) {
    const compared = typeof expected === 'string' ? expected : await compareKeys(options, queue, expected);
    if (typeof compared === 'string') skipped.push([queue, compared]);
    else if (compared.isSame) same += compared.found;
    else if (compared.found === compared.expected)
      wrong.push(`queue '${queue}' holds other dedup keys than ${source}`);
    else
      wrong.push(
        `queue '${queue}' holds ${compared.found} dedup key(s), and ${source} has ${compared.expected}`,
      );
  }
  sayKeysNotCompared(cli, skipped);
  return { wrong, same };
}
