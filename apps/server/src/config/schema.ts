import { isKeyText } from '@querator/access';
import { DurationSyntaxError, type GivenOptions, parseDuration, type StorageDriver } from '@querator/core';
import { DEFAULT_SCHEMA } from '@querator/outbox';
import { z } from 'zod';
import { OWN_DRIVERS } from '../backends.ts';
import { byteSize, SMALLEST_MEMORY_BUDGET } from './byte-size.ts';
import { parseHost } from './host-name.ts';
import { isNetwork } from './network.ts';
import { quotasSchema } from './quotas.ts';
import { originOf } from './web-origin.ts';

/**
 * The shape of the YAML file, as docs/configuration.md describes it. Unknown
 * keys are errors: a misspelt key must not silently mean its default.
 */

const nonEmpty = z.string().min(1, 'expected a text that is not empty');

const duration = z
  .string({ error: 'expected a duration such as 1m or 1h30m' })
  .superRefine((text, context) => {
    try {
      parseDuration(text);
    } catch (error) {
      if (!(error instanceof DurationSyntaxError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });

/** Case does not matter in the names of the server's own drivers. Others are packages and paths. */
const driverName = nonEmpty.transform((name) => {
  const own = name.toLowerCase();
  return OWN_DRIVERS.has(own) ? own : name;
});

/** The options of a driver. The driver itself checks them. */
const driverConfig = z.record(z.string(), z.unknown()).default({});

const address = z.string().regex(/^.*:\d{1,5}$/, 'expected host:port, such as localhost:2319');

const ALLOWED_HOST =
  'expected a host as in the Host header, such as queue.example, queue.example:8080 or .queue.example';

const allowedHost = z
  .string(ALLOWED_HOST)
  .refine((text) => parseHost(text.replace(/^\./, '')) !== undefined, ALLOWED_HOST);

const CORS_ORIGIN = 'expected the origin of a web page, such as https://app.example or http://localhost:3000';

const corsOrigin = z.string(CORS_ORIGIN).transform((text, context) => {
  const origin = originOf(text);
  if (origin !== undefined) return origin;
  context.addIssue({ code: 'custom', message: CORS_ORIGIN });
  return z.NEVER;
});

const network = z.string().refine(isNetwork, 'expected an address or a network such as 10.0.0.0/8');

const partitionStorage = z.strictObject({
  name: nonEmpty,
  driver: driverName,
  affinity: z.int('expected a whole number').min(0, 'expected a number of at least 0').default(1),
  drain: z.boolean('expected true or false').optional(),
  config: driverConfig,
});

const queue = z.strictObject({
  name: nonEmpty,
  'lease-timeout': duration,
  'expire-timeout': duration,
  'max-attempts': z.int('expected a whole number').default(0),
  'dead-queue': z.string().default(''),
  reference: z.string().default(''),
  'requested-partitions': z.int('expected a whole number').default(1),
  partitions: z
    .array(
      z.strictObject({
        partition: z.int('expected a whole number'),
        'storage-name': nonEmpty,
        'read-only': z.boolean().optional(),
      }),
    )
    .optional(),
});

const SCHEMA = 'expected a name of 1 to 63 letters, digits and underscores';

/** The outbox of an application, whose rows this server moves to their queues. */
const outbox = z.strictObject({
  'connection-string': nonEmpty,
  schema: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, SCHEMA)
    .default(DEFAULT_SCHEMA),
  user: nonEmpty.optional(),
});

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const CLIENT_CERTIFICATES = ['required', 'optional'] as const;

/** Paths of PEM files, which are read again when they change. */
const tls = z.strictObject({
  cert: nonEmpty,
  key: nonEmpty,
  'client-ca': nonEmpty.optional(),
  'client-certificates': z
    .enum(CLIENT_CERTIFICATES, { error: `expected one of ${CLIENT_CERTIFICATES.join(', ')}` })
    .optional(),
  'min-version': z
    .enum(TLS_VERSIONS, { error: `expected one of ${TLS_VERSIONS.join(', ')}` })
    .default('TLSv1.2'),
});

/** Whether access control is on: `internal` keeps users and keys in the storage of the queues. */
const AUTH_DRIVERS = ['none', 'internal'] as const;
const KEY_EXPECTED = 'expected an API key: qtr-<tag>-<secret>, the secret at least 43 characters 0-9A-Za-z';

const CONSOLE_PATH = 'expected a path such as /console, of letters, digits and the signs - _';
/** The first segments of the paths of other pages and of calls. */
const TAKEN_PATH = /^\/(v1|v2|docs|health|livez|readyz|metrics)(\/|$)/;

const consolePath = z
  .string(CONSOLE_PATH)
  .regex(/^(\/[A-Za-z0-9_-]+)+$/, CONSOLE_PATH)
  .refine((path) => !TAKEN_PATH.test(path), 'expected a path that the server does not use otherwise');

const SHORTEST_SESSION_KEY = 32;

const sessionKey = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text) >= SHORTEST_SESSION_KEY,
    `expected a secret text of at least ${SHORTEST_SESSION_KEY} bytes`,
  );

const LOG_HANDLERS = ['color', 'text', 'json'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export const configSchema = z.strictObject({
  address: address.default('localhost:2319'),
  'instance-name': nonEmpty.optional(),
  'allowed-hosts': z.array(allowedHost, 'expected a list of hosts').default([]),
  'trusted-proxies': z.array(network, 'expected a list of addresses and networks').default([]),
  'cors-origins': z.array(corsOrigin, 'expected a list of origins').default([]),
  'api-docs': z.boolean('expected true or false').default(true),
  console: z
    .strictObject({
      enabled: z.boolean('expected true or false').default(true),
      path: consolePath.default('/console'),
      'session-key': sessionKey.optional(),
    })
    .prefault({}),
  tls: tls.optional(),
  'admin-address': address.optional(),
  'admin-tls': z.union([z.literal(false), tls], "expected false, or settings like those of 'tls'").optional(),
  'max-connections': z.int('expected a whole number').min(1, 'expected a number of at least 1').optional(),
  'memory-budget': byteSize(SMALLEST_MEMORY_BUDGET).optional(),
  logging: z
    .strictObject({
      handler: z.enum(LOG_HANDLERS, { error: `expected one of ${LOG_HANDLERS.join(', ')}` }).default('color'),
      level: z.enum(LOG_LEVELS, { error: `expected one of ${LOG_LEVELS.join(', ')}` }).default('info'),
      'request-log': z.boolean('expected true or false').default(false),
    })
    .prefault({}),
  'queue-storage': z
    .strictObject({ driver: driverName, name: z.string().optional(), config: driverConfig })
    .optional(),
  'partition-storage': z
    .array(partitionStorage)
    .min(1, 'expected at least one storage')
    .prefault([{ name: 'mem-0', driver: 'memory' }]),
  'auth-backend': z
    .strictObject({
      driver: z.enum(AUTH_DRIVERS, { error: `expected one of ${AUTH_DRIVERS.join(', ')}` }),
      'admin-key': z.string().refine(isKeyText, KEY_EXPECTED).optional(),
    })
    .prefault({ driver: 'none' }),
  audit: z
    .strictObject({
      log: z.boolean('expected true or false').optional(),
      table: z.boolean('expected true or false').default(false),
      keep: duration.default('2160h'),
    })
    .prefault({}),
  quotas: quotasSchema.optional(),
  queues: z.array(queue).default([]),
  outbox: z.array(outbox, 'expected a list of outboxes').default([]),
});

/** The contents of the file. It may leave the storage of queues open; see `resolveQueueStorage`. */
export type ConfigFile = z.infer<typeof configSchema>;
/** The storage of the queues: a separate storage, or the partition storage of this name. */
export type QueueStorageConfig =
  | { readonly driver: string; readonly config: GivenOptions }
  | { readonly partitionStorage: string };
/** The server's settings, checked and with defaults filled in. */
export type Config = Omit<ConfigFile, 'queue-storage'> & {
  readonly 'queue-storage': QueueStorageConfig;
  /** Drivers of others, by the names by which storages use them. */
  readonly drivers: ReadonlyMap<string, StorageDriver>;
};
/** How a listener encrypts its connections. Its paths are absolute. */
export type TlsSettings = z.infer<typeof tls>;
/** An outbox that the server moves rows from. */
export type OutboxConfig = Config['outbox'][number];
/** A queue that the server creates at its start. */
export type QueueConfig = Config['queues'][number];
