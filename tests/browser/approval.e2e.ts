import { expect, type Page, test } from '@playwright/test';
import { call, installation } from './installation';
import { expectAccessible, watch } from './watch';

interface Submitted {
  verdict: string;
  steps: { approval_id?: string }[];
}

/** A plan of the agent that asks a person: scaling payments far up. */
async function submitScaling(replicas: number): Promise<string> {
  const { ready, agentKeys } = installation();
  const plan = await call<Submitted>(
    'POST',
    `${ready.authority}/v1/plans`,
    agentKeys.remediator ?? '',
    {
      goal: 'Be ready for the sale at noon',
      steps: [
        {
          id: 's1',
          tool: 'infra.scale',
          params: { service_id: 'payments', replicas },
          reason: 'traffic will triple \u202e<b>really</b>',
        },
      ],
    },
  );
  expect(plan.verdict).toBe('needs_approval');
  const approval = plan.steps[0]?.approval_id;
  if (!approval) throw new Error('the plan asks for no approval');
  return approval;
}

async function signInAsAlice(page: Page, path: string): Promise<void> {
  const { ready, approverKeys } = installation();
  await page.goto(ready.console + path);
  await expect(page.getByRole('heading', { name: 'Sign in to Countersign' })).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Key').fill(approverKeys.alice ?? '');
  await page.keyboard.press('Enter');
}

/** Presses Tab until the focus is on an element with this text. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const text = await page.evaluate(() => document.activeElement?.textContent ?? '');
    if (name.test(text)) return;
  }
  throw new Error(`Tab never came to ${name}`);
}

test('a risky step is approved with the keyboard alone', async ({ page }) => {
  const { ready, operatorKey } = installation();
  // Sign-in itself answers 401 once, which the browser logs as an error; what follows must be quiet.
  const approval = await submitScaling(12);
  await signInAsAlice(page, '/approvals');
  await expect(page.getByRole('heading', { name: 'Approvals' })).toBeVisible();
  const quiet = await watch(page, new URL(ready.console).origin);
  await expect(page.getByRole('link', { name: /infra\.scale/ })).toBeVisible();
  await expectAccessible(page);

  await tabTo(page, /^infra\.scale/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: /^Approve\? infra\.scale/ })).toBeVisible();
  await expect(page.getByText('recomputed in this browser')).toBeVisible();
  await expect(page.getByText('\\u202e')).toBeVisible();
  await expect(page.getByText('<b>really</b>')).toBeVisible();
  await expectAccessible(page);

  // Keys pressed by somebody who did not read decide nothing.
  await page.keyboard.press('Enter');
  await page.keyboard.press('Space');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.keyboard.press('a');
  await expect(
    page.getByRole('dialog', { name: /Approve infra\.scale on payments/ }),
  ).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.type('The sale is announced');
  await tabTo(page, /^Approve infra\.scale on payments$/);
  await page.keyboard.press('Enter');

  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('status').filter({ hasText: 'approved' })).toBeVisible();
  await expect(page.getByText('The sale is announced')).toBeVisible();
  const view = await call<{ state: string; given: { by: string }[] }>(
    'GET',
    `${ready.authority}/v1/approvals/${approval}`,
    operatorKey,
  );
  expect(view.state).toBe('approved');
  expect(view.given.map((given) => given.by)).toEqual(['alice']);
  quiet.expectQuiet();
});

test('a plan that was altered on the way cannot be approved, and can be denied', async ({
  page,
}) => {
  const approval = await submitScaling(13);
  await page.route(`**/v1/approvals/${approval}`, async (route) => {
    const answer = await route.fetch();
    const view = await answer.json();
    if (typeof view.params?.replicas !== 'number') return route.fulfill({ response: answer });
    return route.fulfill({
      response: answer,
      json: { ...view, params: { ...view.params, replicas: 4 } },
    });
  });
  await signInAsAlice(page, `/approvals/${approval}`);
  await expect(page.getByRole('heading', { name: /^Approve\? infra\.scale/ })).toBeVisible();
  await expect(page.getByText('does not match')).toBeVisible();
  const approve = page.getByRole('button', { name: 'Approve', exact: true });
  await expect(approve).toBeDisabled();
  await expect(approve).toHaveAccessibleDescription(/not those in the hashed plan/);
  await page.keyboard.press('a');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.keyboard.press('d');
  await expect(page.getByRole('dialog', { name: /Deny infra\.scale on payments/ })).toBeVisible();
  await page.keyboard.type('This is not what was asked');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('status').filter({ hasText: 'denied' })).toBeVisible();
});
