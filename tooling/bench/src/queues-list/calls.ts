const REPEATS = 50;
/** The pages that are read one after the other. */
const PAGES = 20;
/** As many rows has a page of the console. */
const PAGE_ITEMS = 50;

interface Row {
  readonly queue_name: string;
  readonly count_age?: string;
}

interface Page<Item> {
  readonly items?: readonly Item[];
  readonly cursor?: string;
}

/** The calls of the console, and how long they take at the client, in milliseconds. */
export class Calls {
  readonly #url: string;
  readonly #say: (line: string) => void;

  constructor(url: string, say: (line: string) => void) {
    this.#url = url;
    this.#say = say;
  }

  async post(call: string, body: object): Promise<{ readonly ms: number; readonly text: string }> {
    const began = performance.now();
    const headers = { 'Content-Type': 'application/json' };
    const reply = await fetch(this.#url + call, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await reply.text();
    if (reply.status !== 200) throw new Error(text);
    return { ms: performance.now() - began, text };
  }

  async rows(body: object): Promise<{ readonly rows: readonly Row[]; readonly cursor: string }> {
    const page = JSON.parse((await this.post('/v2/queues.list', body)).text) as Page<Row>;
    return { rows: page.items ?? [], cursor: page.cursor ?? '' };
  }

  /** How many queues have no count. */
  async uncounted(): Promise<number> {
    let [count, cursor] = [0, ''];
    do {
      const page = await this.rows({ limit: 1_000, cursor });
      count += page.rows.filter(({ count_age }) => count_age === undefined).length;
      cursor = page.cursor;
    } while (cursor !== '');
    return count;
  }

  /** Measures the first page of the queues. */
  async measureList(name: string, body: object): Promise<void> {
    const times: number[] = [];
    for (let n = 0; n < REPEATS; n++) times.push((await this.post('/v2/queues.list', body)).ms);
    this.#report(`queues, ${name}`, times);
    await this.#measurePages(`queues, ${name}, later pages`, '/v2/queues.list', body);
  }

  /** Measures a search of items: its first page, and those that follow. */
  async measureFind(name: string, body: object): Promise<void> {
    const call = { ...body, limit: PAGE_ITEMS };
    const times: number[] = [];
    for (let n = 0; n < REPEATS; n++) times.push((await this.post('/v2/items.find', call)).ms);
    this.#report(`items, ${name}`, times);
    await this.#measurePages(`items, ${name}, later pages`, '/v2/items.find', call);
  }

  /** The id of an item of the queue. */
  async lastId(queueName: string): Promise<string> {
    const body = { queue_name: queueName, limit: PAGE_ITEMS, filter: { state: 'waiting' } };
    const page = JSON.parse((await this.post('/v2/items.find', body)).text) as Page<{ readonly id: string }>;
    return page.items?.at(-1)?.id ?? '';
  }

  async #measurePages(name: string, path: string, body: object): Promise<void> {
    const times: number[] = [];
    let { cursor = '' } = JSON.parse((await this.post(path, body)).text) as Page<unknown>;
    while (cursor !== '' && times.length < PAGES) {
      const { ms, text } = await this.post(path, { ...body, cursor });
      times.push(ms);
      cursor = (JSON.parse(text) as Page<unknown>).cursor ?? '';
    }
    if (times.length > 0) this.#report(name, times);
  }

  /** Reports the median and the greatest. */
  #report(name: string, times: number[]): void {
    times.sort((a, b) => a - b);
    const [median = 0, most = 0] = [times[Math.floor(times.length / 2)], times.at(-1)];
    this.#say(`${name}: median ${median.toFixed(1)} ms, greatest ${most.toFixed(1)} ms`);
  }
}
