import type { Json } from './field-schema.ts';

/** The schemas of pages, beside those of messages. */
export const PAGE_SCHEMAS: Json = {
  Health: {
    type: 'object',
    description: 'The state of a server.',
    properties: {
      status: {
        type: 'string',
        examples: ['pass', 'fail'],
        description: 'Whether what was asked can serve.',
      },
      version: { type: 'string', description: 'The version of the server.' },
      checks: {
        type: 'object',
        description: 'By name: `queues:storage`, and one for each partition storage under its name.',
        additionalProperties: { type: 'array', items: { $ref: '#/components/schemas/HealthCheck' } },
      },
    },
    required: ['status'],
  },
  HealthCheck: {
    type: 'object',
    description: 'The result of a check.',
    properties: {
      componentType: { type: 'string', examples: ['datastore', 'system'], description: 'What was checked.' },
      status: {
        type: 'string',
        examples: ['pass', 'warn', 'fail'],
        description: '`warn`: it works, and needs the attention of its operator.',
      },
      observedValue: { type: 'number', description: 'The value that was measured.' },
      observedUnit: { type: 'string', examples: ['ms', 'servers', 'queues'], description: 'Its unit.' },
      time: { type: 'string', format: 'date-time', description: 'When the request was answered.' },
      output: { type: 'string', description: 'What is wrong, or what the operator should know.' },
      capabilities: { type: 'array', items: { type: 'string' }, description: 'What the storage can do.' },
    },
    required: ['componentType', 'status', 'time'],
  },
  ConsoleConfig: {
    type: 'object',
    description: 'What the console must know before anybody has logged in.',
    properties: {
      version: { type: 'string', description: 'The version of the server.' },
      access_control: { type: 'boolean', description: 'Whether there is something to log in to.' },
      api: { type: 'string', description: 'Where the calls are, relative to the page.' },
      docs: {
        type: 'string',
        description: 'Where `/docs` is, relative to the page. Empty: it is switched off.',
      },
    },
    required: ['version', 'access_control', 'api', 'docs'],
  },
};
