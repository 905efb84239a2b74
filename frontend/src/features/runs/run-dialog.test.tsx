import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerRequests, renderInApp } from '@/test-kit';
import { RunDialog } from './run-dialog';

afterEach(() => vi.unstubAllGlobals());

const agents: Record<string, [number, unknown]> = {
  'GET /api/authority/v1/agents': [200, { agents: [] }],
};

describe('RunDialog', () => {
  it('starts with Ctrl Enter and not with Enter alone', async () => {
    const sent = answerRequests({
      ...agents,
      'POST /api/planner/v1/runs': [202, { run_id: 'run_1' }],
    });
    await renderInApp(<RunDialog draft={{ goal: 'Restore payments', alert: 'alr_1' }} />);
    const goal = await screen.findByRole('textbox', { name: 'Goal' });
    expect(goal).toHaveValue('Restore payments');
    await userEvent.type(goal, '{Enter}');
    expect(sent.filter((item) => item.method === 'POST')).toEqual([]);
    await userEvent.type(goal, '{Control>}{Enter}{/Control}');
    await waitFor(() =>
      expect(sent.filter((item) => item.method === 'POST')).toEqual([
        {
          method: 'POST',
          path: '/api/planner/v1/runs',
          body: { goal: 'Restore payments', trigger: { kind: 'alert', alert: 'alr_1' } },
        },
      ]),
    );
  });

  it('does not start without a goal', async () => {
    answerRequests(agents);
    await renderInApp(<RunDialog draft={{ goal: '  ' }} />);
    expect(await screen.findByRole('button', { name: 'Start run' })).toBeDisabled();
  });

  it('says why a run could not start and keeps what was typed', async () => {
    answerRequests({
      ...agents,
      'POST /api/planner/v1/runs': [503, { title: 'The planner is busy', detail: 'too many runs' }],
    });
    await renderInApp(<RunDialog draft={{ goal: 'Restore payments' }} />);
    await userEvent.click(await screen.findByRole('button', { name: 'Start run' }));
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'The planner is busy: too many runs',
    );
    expect(screen.getByRole('textbox', { name: 'Goal' })).toHaveValue('Restore payments');
  });
});
