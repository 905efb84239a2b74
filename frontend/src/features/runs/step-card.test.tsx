import { screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RunStep } from '@/api/types';
import { answerRequests, renderInApp } from '@/test-kit';
import { StepCard } from './step-card';

afterEach(() => vi.unstubAllGlobals());

const step: RunStep = {
  id: 's2',
  plan_id: 'pln_1',
  tool: 'infra.restart',
  params: { service_id: 'payments' },
  effect: 'service',
  verdict: 'allow',
  reasons: [{ code: 'permitted', message: 'agents may change services', policy: 'automate' }],
  policies: ['automate'],
  state: 'done',
  request: { upstream: 'cloud', method: 'POST', path: '/v1/services/payments/restart' },
};

describe('StepCard', () => {
  it('shows tool, request, verdict, reason, policy, change and check', async () => {
    answerRequests({});
    await renderInApp(
      <ol>
        <StepCard
          step={{
            ...step,
            before: { status: 'down' },
            after: { status: 'up' },
            check: { expect: '/status == "up"', actual: 'up', passed: true },
          }}
          open
          onToggle={() => undefined}
        />
      </ol>,
    );
    expect(screen.getByText('infra.restart')).toBeInTheDocument();
    expect(screen.getByText('/v1/services/payments/restart')).toBeInTheDocument();
    expect(screen.getByText('agents may change services')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'automate' })).toHaveAttribute(
      'href',
      '/policies?policy=automate',
    );
    expect(screen.getByText('down').closest('del')).not.toBeNull();
    expect(screen.getByText('passed')).toBeInTheDocument();
  });

  it('shows a hostile step as text: no element and no link comes from it', async () => {
    answerRequests({});
    const hostile = '<img src=x onerror=alert(1)> [a](http://evil.example) \u202e\u200b';
    const { container } = await renderInApp(
      <ol>
        <StepCard
          step={{ ...step, reason: hostile, params: { [hostile]: hostile }, tool: hostile }}
          open
          onToggle={() => undefined}
        />
      </ol>,
    );
    expect(container.querySelector('img')).toBeNull();
    const links = [...container.querySelectorAll('a')].map((link) => link.getAttribute('href'));
    expect(links).toEqual(['/policies?policy=automate']);
    expect(container.textContent).toContain('\\u202e\\u200b');
    expect(container.textContent).not.toContain('\u202e');
    expect(screen.getByText('written by the agent, not checked')).toBeInTheDocument();
  });

  it('cuts a flood of text and says how much there is', async () => {
    answerRequests({});
    const { container } = await renderInApp(
      <ol>
        <StepCard step={{ ...step, reason: 'x'.repeat(100_000) }} open onToggle={() => undefined} />
      </ol>,
    );
    expect((container.textContent ?? '').length).toBeLessThan(5000);
    expect(screen.getByRole('button', { name: 'Show all 100,000 characters' })).toBeInTheDocument();
  });

  it('shows a refusal with its code and meaning', async () => {
    answerRequests({});
    await renderInApp(
      <ol>
        <StepCard
          step={{
            ...step,
            state: 'refused',
            refusal: { code: 'token_used', message: 'seen before' },
          }}
          open
          onToggle={() => undefined}
        />
      </ol>,
    );
    expect(screen.getByText('token_used')).toBeInTheDocument();
    expect(screen.getByText('The token was used before; each works once.')).toBeInTheDocument();
  });
});
