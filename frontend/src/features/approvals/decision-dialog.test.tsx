import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ApprovalView } from '@/api/types';
import { answerRequests, renderInApp } from '@/test-kit';
import { DecisionDialog } from './decision-dialog';
import { SAMPLE } from './sample';

afterEach(() => vi.unstubAllGlobals());

const approval: ApprovalView = {
  ...SAMPLE,
  plan_hash: 'told',
  tool: 'infra.shutdown',
  effect: 'destructive',
};

const onClose = () => undefined;

describe('DecisionDialog', () => {
  it('asks for a reason and the typed id before a destructive approval, and sends the recomputed hash', async () => {
    const sent = answerRequests({
      'POST /api/authority/v1/approvals/apr_1/decision': [200, { ...approval, state: 'approved' }],
    });
    await renderInApp(
      <DecisionDialog
        approval={approval}
        decision="approve"
        planHash="recomputed"
        onClose={onClose}
      />,
    );
    const approve = await screen.findByRole('button', {
      name: 'Approve infra.shutdown on payments',
    });
    const reason = screen.getByRole('textbox', { name: 'Reason' });
    await waitFor(() => expect(reason).toHaveFocus());
    expect(approve).toBeDisabled();
    await userEvent.type(reason, 'planned retirement');
    expect(approve).toBeDisabled();
    const typed = screen.getByRole('textbox', { name: /Type payments to confirm/ });
    await userEvent.type(typed, 'payment');
    expect(approve).toBeDisabled();
    await userEvent.type(typed, 's');
    await userEvent.click(approve);
    await waitFor(() =>
      expect(sent).toEqual([
        {
          method: 'POST',
          path: '/api/authority/v1/approvals/apr_1/decision',
          body: { decision: 'approve', plan_hash: 'recomputed', reason: 'planned retirement' },
        },
      ]),
    );
  });

  it('denies with a reason and nothing to type', async () => {
    const sent = answerRequests({
      'POST /api/authority/v1/approvals/apr_1/decision': [200, { ...approval, state: 'denied' }],
    });
    await renderInApp(
      <DecisionDialog approval={approval} decision="deny" planHash="told" onClose={onClose} />,
    );
    await userEvent.click(await screen.findByRole('button', { name: 'Too risky' }));
    await userEvent.click(screen.getByRole('button', { name: 'Deny infra.shutdown on payments' }));
    await waitFor(() =>
      expect(sent[0]?.body).toEqual({ decision: 'deny', plan_hash: 'told', reason: 'Too risky' }),
    );
  });

  it('says that the plan changed when the authority answers so', async () => {
    answerRequests({
      'POST /api/authority/v1/approvals/apr_1/decision': [
        409,
        { title: 'The plan changed', code: 'plan_hash_mismatch' },
      ],
    });
    await renderInApp(
      <DecisionDialog approval={approval} decision="deny" planHash="told" onClose={onClose} />,
    );
    await userEvent.click(await screen.findByRole('button', { name: 'Not now' }));
    await userEvent.click(screen.getByRole('button', { name: 'Deny infra.shutdown on payments' }));
    expect(await screen.findByText('The plan changed')).toBeInTheDocument();
    expect(screen.getByText('plan_hash_mismatch')).toBeInTheDocument();
  });
});
