import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { axeFindings } from '../axe-findings.ts';

/** The two widths that the console is made for. */
const WIDTHS = { wide: { width: 1280, height: 860 }, narrow: { width: 390, height: 844 } } as const;

/** A browser window with the console. */
export class ConsolePage {
  readonly page: Page;
  readonly url: string;
  /** What the browser complained about: errors, refusals by the page's policy. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context;
    this.page = page;
    this.url = url;
    page.setDefaultTimeout(8_000);
    page.on('console', (message) => {
      // Replies with an error are a part of several tests.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        this.complaints.push(message.text());
      }
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  static async open(
    browser: Browser,
    url: string,
    options: { readonly dark?: boolean; readonly narrow?: boolean } = {},
  ): Promise<ConsolePage> {
    const context = await browser.newContext({
      viewport: options.narrow ? WIDTHS.narrow : WIDTHS.wide,
      colorScheme: options.dark ? 'dark' : 'light',
    });
    return new ConsolePage(context, await context.newPage(), url);
  }

  /** Goes to an address of the console, such as `queues?sort=name`, and waits for its heading. */
  async goTo(address: string): Promise<void> {
    await this.page.goto(`${this.url}#/${address}`);
    await this.page.locator('main h1').waitFor();
  }

  /** Opens the console, and signs in. */
  async signIn(key: string, { write = false }: { readonly write?: boolean } = {}): Promise<void> {
    await this.page.goto(this.url);
    await this.page.getByLabel('API key').fill(key);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('switch', { name: 'Changes' }).waitFor();
    if (write) await this.allowChanges();
  }

  /** Lets the session change things. */
  async allowChanges(): Promise<void> {
    await this.page.getByRole('switch', { name: 'Changes', checked: false }).click();
    await this.page.getByRole('switch', { name: 'Changes', checked: true }).waitFor();
  }

  heading() {
    return this.page.locator('main h1');
  }

  /** Checks the page with axe, as it is now. It must find nothing. */
  async expectAccessible(): Promise<void> {
    expect(await axeFindings(this.page)).toEqual([]);
  }

  /** Waits until every part of the screen shows something. */
  async settle(): Promise<void> {
    await this.page.waitForFunction(() => document.querySelector('main .waiting') === null);
  }

  /** How many pixels the page is wider than the window. */
  overflow(): Promise<number> {
    return this.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
  }

  async close(): Promise<void> {
    await this.#context.close();
    expect(this.complaints).toEqual([]);
  }
}
