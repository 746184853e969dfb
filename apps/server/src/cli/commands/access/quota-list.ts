import type { Client } from '@querator/client';
import { endpointsV2 } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { EXIT, exitCodeOf } from '../../exit-codes.ts';
import { textTable } from '../../text-table.ts';
import { cellsOf, type QuotaUse, usesOf } from './quota-uses.ts';

/** The most namespaces or keys of one reply. */
const MOST_OF_A_PAGE = 1_000;
/** The most requests at a time. */
const MOST_AT_ONCE = 8;
const PREFIX = 'failed to list quotas';
const HEADS = ['OF', 'NAME', 'SCOPE', 'LIMIT', 'USED', 'ALLOWED'];

/** Somebody who may have a quota. */
interface Subject {
  readonly request: { readonly namespace: string } | { readonly keyId: string };
  readonly cells: readonly string[];
  /** The fields of JSON. */
  readonly names: object;
}

/** `querator quota list`: what each namespace and key uses, those nearest to a limit first. */
export function addQuotaList(group: Command, cli: Cli): void {
  group
    .command('list')
    .description('print what all namespaces and API keys use, those nearest to a limit first')
    .option('--json', 'print JSON instead of a table', false)
    .action(async ({ json }: { readonly json: boolean }) => {
      const client = cli.client();
      const subjects = await attempt(PREFIX, () => subjectsOf(cli, client));
      const quotas = await attempt(PREFIX, () => quotasOf(cli, client, subjects));
      if (json) {
        const { response } = endpointsV2.quotas.get;
        const items = quotas.map(({ subject, quota }) => ({
          ...subject.names,
          ...JSON.parse(new TextDecoder().decode(response.toJson(quota))),
        }));
        await cli.output.value({ items });
      } else {
        const rows = quotas.flatMap(({ subject, quota }) =>
          usesOf(quota).map((use) => ({ use, cells: [...subject.cells, ...cellsOf(use)] })),
        );
        rows.sort((a, b) => shareOf(b.use) - shareOf(a.use));
        await cli.output.data(
          textTable(
            HEADS,
            rows.map(({ cells }) => cells),
          ),
        );
      }
      cli.output.say(`Found ${quotas.length} namespace(s) and key(s)`);
      cli.output.say('Figures a second, consumers and connections are those of the server that answered');
    });
}

function shareOf({ used, allowed }: QuotaUse): number {
  return allowed === 0 ? 0 : used / allowed;
}

async function subjectsOf(cli: Cli, { access }: Client): Promise<readonly Subject[]> {
  const options = { signal: cli.interrupted() };
  const namespaces = await allOf(
    async (pivot) => (await access.namespacesList({ pivot, limit: MOST_OF_A_PAGE }, options)).items,
    ({ name }) => name,
  );
  const keys = await allOf(
    async (pivot) => (await access.apiKeysList({ pivot, limit: MOST_OF_A_PAGE }, options)).items,
    ({ id }) => id,
  );
  return [
    ...namespaces.map(({ name }) => ({
      ...{ request: { namespace: name }, cells: ['namespace', name, ''], names: { namespace: name } },
    })),
    ...keys.map(({ id, name, namespaceScope: scope }) => ({
      request: { keyId: id },
      cells: [`key ${id}`, name, scope],
      names: { key_id: id, key_name: name, namespace_scope: scope },
    })),
  ];
}

/** Reads pages, each of which begins with the last element of the one before, until one brings nothing new. */
async function allOf<T>(
  read: (pivot: string) => Promise<readonly T[]>,
  idOf: (element: T) => string,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let pivot = ''; ; ) {
    const page = (await read(pivot)).filter((element) => idOf(element) !== pivot);
    const last = page.at(-1);
    if (last === undefined) return all;
    all.push(...page);
    pivot = idOf(last);
  }
}

async function quotasOf(cli: Cli, { v2 }: Client, subjects: readonly Subject[]) {
  const left = [...subjects];
  const found: { subject: Subject; quota: Awaited<ReturnType<typeof v2.quotas.get>> }[] = [];
  const next = async () => {
    for (let subject = left.shift(); subject !== undefined; subject = left.shift()) {
      try {
        const quota = await v2.quotas.get(subject.request, { signal: cli.interrupted() });
        found.push({ subject, quota });
      } catch (error) {
        // It was deleted after it was listed.
        if (exitCodeOf(error) !== EXIT.nothing) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: MOST_AT_ONCE }, next));
  return found.toSorted((a, b) => subjects.indexOf(a.subject) - subjects.indexOf(b.subject));
}
