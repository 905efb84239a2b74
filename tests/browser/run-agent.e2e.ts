import { expect, test } from '@playwright/test';
import { call, installation } from './installation';
import { expectAccessible, watch } from './watch';

test('Run agent heals a crashed service before the reader’s eyes', async ({ page }) => {
  const { consoleUrl, ready, operatorKey } = installation();
  const quiet = await watch(page, new URL(ready.console).origin);
  await call('POST', `${ready.simulator}/v1/faults`, operatorKey, {
    kind: 'crash',
    target: 'payments',
  });

  await page.goto(consoleUrl);
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  expect(page.url()).not.toContain('signin');
  const payments = page.getByRole('row', { name: /^payments/ });
  await expect(payments).toContainText('down');
  await expect(page.getByRole('region', { name: 'Alerts' })).toContainText('payments');
  await expectAccessible(page);

  await page.getByRole('button', { name: 'Run agent', exact: true }).click();
  await page.getByRole('textbox', { name: 'Goal' }).fill('Restore payments');
  await expectAccessible(page);
  await page.keyboard.press('Control+Enter');

  await expect(page).toHaveURL(/\/runs\/run_/);
  await expect(page.getByRole('heading', { name: 'Restore payments' })).toBeVisible();
  const state = page.locator('[data-run-state]');
  await expect(state).toHaveText('completed', { timeout: 90_000 });
  const phases = page.getByRole('list', { name: 'Phases' }).getByRole('listitem');
  await expect(phases).toHaveCount(5);
  for (const phase of await phases.all()) await expect(phase).toContainText('done');

  const restart = page.locator('[data-step]').filter({ hasText: 'infra.restart' }).first();
  await expect(restart).toHaveAttribute('data-state', 'done');
  await expect(restart).toContainText('allow');
  await expect(restart.locator('a[href*="/policies?policy="]').first()).toBeVisible();
  await expect(restart).toContainText('only infra.restart');
  await expect(restart).toContainText('once');
  await expect(restart).toContainText('signature checked in this browser');
  await expect(restart.getByText('down', { exact: true }).first()).toBeVisible();
  await expect(restart.getByText('up', { exact: true }).first()).toBeVisible();
  await expectAccessible(page);
  await page.screenshot({ path: '../../target/artifacts/run-agent.png', fullPage: true });

  await page.getByRole('link', { name: 'Overview' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await expect(payments).toContainText('up');
  await expect(page.getByRole('region', { name: 'Alerts' })).toContainText('No open alerts');
  quiet.expectQuiet();
});
