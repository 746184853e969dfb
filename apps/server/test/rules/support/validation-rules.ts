/** One rule: what breaks it, and the text of the error. The status is always 400. */
export type Rule = readonly [broken: Readonly<Record<string, unknown>>, text: string];

/** The checks of one call in their order. docs/reference shows them too. */
export interface CheckedEndpoint {
  readonly path: string;
  /** A request that breaks no rule. */
  readonly good: Readonly<Record<string, unknown>>;
  readonly rules: readonly Rule[];
}

/** The queues of the requests. `main` is active and holds one item, `dead` is its dead-letter queue. */
export const QUEUES = { main: 'rules-main', dead: 'rules-dead', idle: 'rules-idle' } as const;

const long = (length: number) => 'x'.repeat(length);
const many = <T>(count: number, each: T) => Array.from({ length: count }, () => each);
const nul = 'cannot contain the character U+0000';

const LOOKUP: readonly Rule[] = [
  [{ queue_name: '' }, 'queue name is invalid; queue name cannot be empty'],
  [{ queue_name: ' \t\u00a0' }, 'queue name is invalid; queue name cannot be empty'],
  [{ queue_name: 'a~b' }, "queue name is invalid; 'a~b' cannot contain '~' character"],
  [{ queue_name: 'a\0b' }, `queue name is invalid; ${nul}`],
  [{ queue_name: 'no such' }, "queue does not exist; no such queue named 'no such'"],
  [{ queue_name: long(100) }, `queue does not exist; no such queue named '${long(100)}'`],
  [{ queue_name: long(600) }, `queue does not exist; no such queue named '${long(99)}…'`],
];

const NAME: readonly Rule[] = [
  [{ queue_name: long(513) }, "queue name is invalid; cannot be greater than '512' characters"],
  [{ queue_name: 'é'.repeat(257) }, "queue name is invalid; cannot be greater than '512' characters"],
  [{ queue_name: ' '.repeat(513) }, "queue name is invalid; cannot be greater than '512' characters"],
  [{ queue_name: '' }, 'queue name is invalid; queue name cannot be empty'],
  [{ queue_name: '\n ' }, 'queue name is invalid; queue name cannot be empty'],
  [{ queue_name: 'a b~' }, "queue name is invalid; 'a b~' cannot contain whitespace"],
  [{ queue_name: 'a\u0085b' }, "queue name is invalid; 'a\u0085b' cannot contain whitespace"],
  [{ queue_name: 'a\u3000b' }, "queue name is invalid; 'a\u3000b' cannot contain whitespace"],
  [{ queue_name: 'a~b' }, "queue name is invalid; 'a~b' cannot contain '~' character"],
  [{ queue_name: 'a\0b' }, `queue name is invalid; ${nul}`],
];

const MISSING: Rule = [{ queue_name: 'missing' }, "queue does not exist; no such queue named 'missing'"];

const PARTITION: readonly Rule[] = [
  [{ partition: -1 }, "partition is invalid; '-1' is not a valid partition"],
  [{ partition: 1 }, "partition is invalid; '1' is not a valid partition"],
  [{ partition: 2147483647 }, "partition is invalid; '2147483647' is not a valid partition"],
];

const timeoutSyntax = (text: string, fault: string): Rule => [
  { request_timeout: text },
  `request timeout is invalid; time: ${fault} - expected format: 900ms, 5m or 15m`,
];
const TIMEOUT_SYNTAX: readonly Rule[] = [
  [
    { request_timeout: `${long(98)}é1` },
    "request timeout is invalid; cannot be greater than '100' characters",
  ],
  timeoutSyntax(`1${long(98)}é`.slice(0, 99), `unknown unit "${long(98)}" in duration "1${long(98)}"`),
  timeoutSyntax('soon', 'invalid duration "soon"'),
  timeoutSyntax(' 1s', 'invalid duration " 1s"'),
  timeoutSyntax('10', 'missing unit in duration "10"'),
  timeoutSyntax('1d', 'unknown unit "d" in duration "1d"'),
  timeoutSyntax('1s\n', 'unknown unit "s\\x0a" in duration "1s\\x0a"'),
  timeoutSyntax('9223372036854775808ns', 'invalid duration "9223372036854775808ns"'),
  timeoutSyntax('\ud83d\ude00', 'invalid duration "\\xf0\\x9f\\x98\\x80"'),
];

const TIMEOUT_MISSING: readonly Rule[] = ['', '0', '0s', '-0'].map((request_timeout) => [
  { request_timeout },
  "request timeout is required; '5m' is recommended, 15m is the maximum",
]);
const TIMEOUT_LONG: Rule = [
  { request_timeout: '15m0.000000001s' },
  "request timeout is invalid; maximum timeout is '15m' but '15m0.000000001s' was requested",
];
const TIMEOUT_SHORT: readonly Rule[] = [
  [
    { request_timeout: '9.999999ms' },
    "request timeout is invalid; minimum timeout is '10ms' but '9.999999ms' was requested",
  ],
  [
    { request_timeout: '-1h' },
    "request timeout is invalid; minimum timeout is '10ms' but '-1h0m0s' was requested",
  ],
];

const ID = '0'.repeat(27);
const SHORT_ID = "invalid storage id; 'x': Valid encoded KSUIDs are 27 characters";
const GREAT_ID = `invalid storage id; '${'z'.repeat(27)}': Valid encoded KSUIDs are bounded by ${ID} and aWgEPTl1tmebfsQzFP4bxwgy80V`;

const NAMESPACE: readonly Rule[] = [
  [{ namespace: long(257) }, "namespace name is invalid; cannot be greater than '256' characters"],
  [{ namespace: '  ' }, 'namespace name is invalid; cannot be empty'],
  [{ namespace: 'a b~:' }, "namespace name is invalid; 'a b~:' cannot contain whitespace"],
  [{ namespace: 'a~:' }, "namespace name is invalid; 'a~:' cannot contain '~' character"],
  [{ namespace: 'a:' }, "namespace name is invalid; 'a:' cannot contain ':' character"],
  [{ namespace: 'a\0' }, `namespace name is invalid; ${nul}`],
];

const QUEUE_TIMEOUT_SYNTAX: readonly Rule[] = [
  [
    { lease_timeout: '1.00000000000000s' },
    "lease timeout is invalid; cannot be greater than '15' characters",
  ],
  [
    { expire_timeout: '1.00000000000000s' },
    "expire timeout is invalid; cannot be greater than '15' characters",
  ],
  [
    { expire_timeout: '1 h' },
    'expire timeout is invalid; time: unknown unit " h" in duration "1 h" - expected format: 60m, 2h or 24h',
  ],
  [
    { lease_timeout: '7d' },
    'lease timeout is invalid; time: unknown unit "d" in duration "7d" - expected format: 8m, 15m or 1h',
  ],
];

const DEAD_QUEUE: readonly Rule[] = [
  [{ dead_queue: `${long(500)} ` }, "dead queue is invalid; cannot be greater than '500' characters"],
  [{ dead_queue: 'a b~' }, "dead queue is invalid; 'a b~' cannot contain whitespace"],
  [{ dead_queue: 'a~b' }, "dead queue is invalid; 'a~b' cannot contain '~' character"],
  [{ dead_queue: 'a\0b' }, `dead queue is invalid; ${nul}`],
  [{ dead_queue: 'missing' }, "dead_queue does not exist; 'missing' was not found, create it first"],
  [
    { dead_queue: QUEUES.main },
    `dead_queue is invalid; '${QUEUES.main}' already has its own dead_queue configured`,
  ],
];

const SETTINGS: readonly Rule[] = [
  [{ reference: long(2_001) }, "reference field is invalid; cannot be greater than '2000' characters"],
  [{ reference: 'a\0' }, `reference field is invalid; ${nul}`],
  [{ max_attempts: 65_537 }, 'max attempts is invalid; cannot be greater than 65536'],
  [{ max_attempts: -1 }, 'max attempts is invalid; cannot be negative number'],
];

const LEASE_LONGER: Rule = [
  { lease_timeout: '2h', expire_timeout: '90m' },
  'lease timeout is too long; 2h0m0s cannot be greater than the expire timeout 1h30m0s',
];

const NEW_QUEUE = {
  queue_name: 'rules-new',
  lease_timeout: '1m',
  expire_timeout: '1h',
  requested_partitions: 1,
};
const ITEM = { utf8: 'a' };
const onMain = { queue_name: QUEUES.main };
const timed = { ...onMain, request_timeout: '1m' };

/** Every check that one request can fail by itself. */
export const CHECKED: readonly CheckedEndpoint[] = [
  {
    path: '/v1/queue.produce',
    good: { ...timed, items: [ITEM] },
    rules: [
      ...LOOKUP,
      ...TIMEOUT_SYNTAX,
      ...TIMEOUT_MISSING,
      TIMEOUT_LONG,
      ...TIMEOUT_SHORT,
      [{ items: [] }, 'items cannot be empty; at least one item is required'],
      [{ items: many(1_001, ITEM) }, 'items is invalid; max_produce_batch_size is 1000 but received 1001'],
      [{ items: [ITEM, { encoding: '\0', kind: '\0' }] }, `encoding is invalid; ${nul}`],
      [{ items: [ITEM, { kind: 'a\0b' }] }, `kind is invalid; ${nul}`],
      [{ items: [{ reference: '\0' }] }, `reference is invalid; ${nul}`],
    ],
  },
  {
    path: '/v1/queue.lease',
    good: { ...timed, client_id: 'c', batch_size: 1 },
    rules: [
      ...LOOKUP,
      ...TIMEOUT_SYNTAX,
      [{ client_id: 'c'.repeat(513) }, "invalid client id; cannot be greater than '512' characters"],
      [{ client_id: 'é'.repeat(257) }, "invalid client id; cannot be greater than '512' characters"],
      [{ client_id: '' }, 'invalid client id; cannot be empty'],
      [{ client_id: ' \u0085\n' }, 'invalid client id; cannot be empty'],
      [{ client_id: 'a\0' }, `client id is invalid; ${nul}`],
      [{ batch_size: 0 }, 'invalid batch size; must be greater than zero'],
      [{ batch_size: -2147483648 }, 'invalid batch size; must be greater than zero'],
      [{ batch_size: 1_001 }, 'invalid batch size; max_lease_batch_size is 1000, but 1001 was requested'],
      ...TIMEOUT_MISSING,
      TIMEOUT_LONG,
      ...TIMEOUT_SHORT,
    ],
  },
  {
    path: '/v1/queue.complete',
    good: { ...timed, partition: 0, ids: [ID] },
    rules: [
      ...LOOKUP,
      ...PARTITION,
      ...TIMEOUT_SYNTAX,
      [{ ids: [] }, 'ids is invalid; list of ids cannot be empty'],
      [{ ids: many(1_001, ID) }, 'ids is invalid; max_complete_batch_size is 1000 but received 1001'],
      TIMEOUT_LONG,
      ...TIMEOUT_MISSING,
    ],
  },
  {
    path: '/v1/queue.retry',
    good: { ...onMain, partition: 0, items: [{ id: ID }] },
    rules: [
      ...LOOKUP,
      ...PARTITION,
      [{ items: [] }, 'items is invalid; list of items cannot be empty'],
      [
        { items: many(1_001, { id: ID }) },
        'items is invalid; max_complete_batch_size is 1000 but received 1001',
      ],
      [{ items: many(2, { id: ID }) }, `invalid storage id; '${ID}' is listed more than once`],
      [{ items: [{ id: 'a\0' }] }, `id is invalid; ${nul}`],
    ],
  },
  { path: '/v1/queue.stats', good: onMain, rules: LOOKUP },
  { path: '/v1/queue.reload', good: onMain, rules: LOOKUP },
  {
    path: '/v1/queue.clear',
    good: { ...onMain, queue: true },
    rules: [
      ...LOOKUP,
      [{ queue: false }, "invalid clear request; one of 'queue', 'scheduled' must be true"],
      [
        { queue: false, destructive: true },
        "invalid clear request; one of 'queue', 'scheduled' must be true",
      ],
    ],
  },
  {
    path: '/v1/queues.create',
    good: NEW_QUEUE,
    rules: [
      ...NAME,
      ...QUEUE_TIMEOUT_SYNTAX,
      ...NAMESPACE,
      [onMain, `invalid queue; '${QUEUES.main}' already exists`],
      ...DEAD_QUEUE.slice(0, 4),
      [{ queue_name: 'self', dead_queue: 'self' }, 'dead_queue cannot reference itself'],
      ...DEAD_QUEUE.slice(4),
      ...SETTINGS,
      [{ requested_partitions: 0 }, 'partitions is invalid; cannot be less than 1'],
      [{ requested_partitions: -5 }, 'partitions is invalid; cannot be less than 1'],
      [{ requested_partitions: 1_025 }, 'partitions is invalid; cannot be greater than 1024'],
      [{ lease_timeout: '' }, 'lease timeout is invalid; cannot be empty'],
      [{ lease_timeout: '999ns' }, 'lease timeout is invalid; cannot be empty'],
      [{ lease_timeout: '-1m' }, 'lease timeout is invalid; cannot be negative'],
      [{ expire_timeout: '' }, 'expire timeout is invalid; cannot be empty'],
      [{ expire_timeout: '-999ns' }, 'expire timeout is invalid; cannot be empty'],
      [{ expire_timeout: '-1h' }, 'expire timeout is invalid; cannot be negative'],
      LEASE_LONGER,
      [{ queue_name: QUEUES.idle }, `invalid queue; '${QUEUES.idle}' already exists`],
    ],
  },
  {
    path: '/v1/queues.update',
    good: { ...onMain, dead_queue: QUEUES.dead },
    rules: [
      ...NAME,
      ...QUEUE_TIMEOUT_SYNTAX,
      ...NAMESPACE,
      MISSING,
      ...DEAD_QUEUE.slice(0, 4),
      [{ dead_queue: QUEUES.main }, 'dead_queue cannot reference itself'],
      [{ dead_queue: 'missing' }, "dead_queue does not exist; 'missing' was not found, create it first"],
      ...SETTINGS,
      [{ requested_partitions: -1 }, 'partitions is invalid; cannot be less than 1'],
      LEASE_LONGER,
      [
        { lease_timeout: '25h', expire_timeout: '' },
        'lease timeout is too long; 25h0m0s cannot be greater than the expire timeout 24h0m0s',
      ],
      [
        { lease_timeout: '', expire_timeout: '59s' },
        'lease timeout is too long; 1m0s cannot be greater than the expire timeout 59s',
      ],
    ],
  },
  {
    path: '/v1/queues.list',
    good: { limit: 1 },
    rules: [
      [{ limit: -1 }, 'limit is invalid; limit cannot be negative'],
      [{ limit: -2147483648 }, 'limit is invalid; limit cannot be negative'],
      [{ limit: 65_537 }, 'limit is invalid; cannot be greater than 65536'],
      [{ limit: 2147483647 }, 'limit is invalid; cannot be greater than 65536'],
      [{ pivot: 'a~b' }, "pivot is invalid; 'a~b' cannot contain '~' character"],
      [{ pivot: 'a\0b' }, `pivot is invalid; ${nul}`],
      [{ namespace: 'a\0b' }, `namespace is invalid; ${nul}`],
    ],
  },
  { path: '/v1/queues.info', good: onMain, rules: LOOKUP },
  { path: '/v1/queues.delete', good: { queue_name: QUEUES.idle }, rules: [...NAME, MISSING] },
  ...['/v1/storage/items.list', '/v1/storage/scheduled.list'].map((path) => ({
    path,
    good: { ...onMain, partition: 0 },
    rules: [
      ...LOOKUP,
      ...PARTITION,
      [{ limit: -1 }, 'limit is invalid; limit cannot be negative'],
      [{ pivot: 'x' }, SHORT_ID],
      [{ pivot: 'z'.repeat(27) }, GREAT_ID],
      [{ pivot: `${'0'.repeat(26)}\0` }, `pivot is invalid; ${nul}`],
    ] satisfies readonly Rule[],
  })),
  {
    path: '/v1/storage/items.import',
    good: { ...onMain, partition: 0, items: [{ payload: 'YQ==' }] },
    rules: [
      ...LOOKUP,
      ...PARTITION,
      [{ items: [] }, 'items is invalid; cannot be empty'],
      [{ items: [{}, { source_id: 'a\0' }] }, `source_id is invalid; ${nul}`],
      [{ items: [{ encoding: '\0' }] }, `encoding is invalid; ${nul}`],
      [{ items: [{ kind: '\0' }] }, `kind is invalid; ${nul}`],
      [{ items: [{ reference: '\0' }] }, `reference is invalid; ${nul}`],
      [{ items: [{ attempts: -1 }] }, 'attempts is invalid; cannot be negative number'],
      [{ items: [{ max_attempts: -1 }] }, 'max attempts is invalid; cannot be negative number'],
    ],
  },
  {
    path: '/v1/storage/items.delete',
    good: { ...onMain, partition: 0, ids: [ID] },
    rules: [
      ...LOOKUP,
      ...PARTITION,
      [{ ids: [] }, 'ids is invalid; cannot be empty'],
      [{ ids: many(10_001, 'x') }, 'ids is invalid; max_delete_batch_size is 10000 but received 10001'],
      [{ ids: [ID, 'x'] }, SHORT_ID],
      [{ ids: [ID, 'z'.repeat(27)] }, GREAT_ID],
      [{ ids: [ID, ID] }, `invalid storage id; '${ID}' is listed more than once`],
    ],
  },
];
