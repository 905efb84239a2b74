import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What went wrong in the browser while a test ran. */
export interface Watch {
  /** Fails if anything was logged as an error, blocked by policy, or asked of another origin. */
  expectQuiet(): void;
}

/** Listens to console errors, uncaught errors, policy reports and requests from now on. */
export async function watch(page: Page, origin: string): Promise<Watch> {
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error')
      troubles.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => troubles.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    const local = url.protocol === 'data:' || url.protocol === 'blob:';
    if (!local && url.origin !== origin) troubles.push(`request to ${url.origin}`);
  });
  await page.exposeFunction('reportPolicy', (text: string) => troubles.push(`policy: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { violatedDirective, blockedURI } = event;
      (window as unknown as { reportPolicy(text: string): void }).reportPolicy(
        `${violatedDirective} ${blockedURI}`,
      );
    });
  });
  return { expectQuiet: () => expect(troubles).toEqual([]) };
}

/** Fails on any violation of WCAG A and AA that axe finds on the page as it is. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
  const found = violations.map(({ id, nodes }) => ({ id, targets: nodes.map((n) => n.target) }));
  expect(found).toEqual([]);
}
