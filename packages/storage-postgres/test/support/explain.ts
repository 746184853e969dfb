import pg from 'pg';
import type { Statement } from '../../src/database/database.ts';

/** A step of a plan, with the steps below it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Sort Key'?: readonly string[];
  readonly Operation?: string;
  readonly Plans?: readonly PlanNode[];
}

/**
 * The plan of a statement. `custom` plans are made for its parameters, as in the first
 * executions of a prepared statement; `generic` ones for any.
 */
export async function explain(
  client: pg.Client,
  { text, values = [] }: Statement,
  mode: 'custom' | 'generic',
): Promise<PlanNode> {
  await client.query(`SET plan_cache_mode = force_${mode}_plan`);
  await client.query(`PREPARE explained AS ${text}`);
  try {
    const parameters = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`;
    const { rows } = await client.query(`EXPLAIN (FORMAT JSON) EXECUTE explained${parameters}`);
    return rows[0]['QUERY PLAN'][0].Plan;
  } finally {
    await client.query('DEALLOCATE explained');
    await client.query('RESET plan_cache_mode');
  }
}

/** Without a type, like parameters: the statement determines it. */
function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) {
    const elements = value.map((element) => (element === null ? 'NULL' : quotedElement(String(element))));
    return pg.escapeLiteral(`{${elements.join(',')}}`);
  }
  if (value instanceof Uint8Array) return binaryLiteral(Buffer.from(value));
  return pg.escapeLiteral(String(value));
}

function quotedElement(element: string): string {
  return `"${element.replace(/["\\]/g, '\\$&')}"`;
}

/** An array of texts or bytes in the binary format, or plain bytes. */
function binaryLiteral(bytes: Buffer): string {
  const elementType = bytes.length >= 12 && bytes.readInt32BE(0) <= 1 ? bytes.readInt32BE(8) : 0;
  if (elementType !== 25 && elementType !== 17) return `'\\x${bytes.toString('hex')}'`;
  const elements: string[] = [];
  for (let at = 20; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at);
    const element = bytes.subarray(at + 4, end);
    elements.push(elementType === 25 ? element.toString() : `\\x${element.toString('hex')}`);
    at = end;
  }
  return literal(elements);
}

/** All steps of a plan. */
export function stepsOf(plan: PlanNode): readonly PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(stepsOf)];
}

/** A plan as indented lines, for messages. */
export function draw(plan: PlanNode, depth = 0): string {
  const on = plan['Index Name'] ?? plan['Relation Name'];
  const sort = plan['Sort Key'] === undefined ? '' : ` by ${plan['Sort Key'].join(', ')}`;
  const line = `${'  '.repeat(depth)}${plan['Node Type']}${on === undefined ? '' : ` on ${on}`}${sort}`;
  return [line, ...(plan.Plans ?? []).map((child) => draw(child, depth + 1))].join('\n');
}
