import { Link } from '@tanstack/react-router';
import { ChevronDown, ChevronRight, Stamp } from 'lucide-react';
import type { RunStep } from '@/api/types';
import { isObject } from '@/lib/canonical';
import { codeMeaning } from '@/lib/codes';
import { escapeText } from '@/lib/escape';
import { readRenderedCall } from '@/lib/rendered';
import { stateLook } from '@/lib/states';
import { buttonClass } from '@/ui/button';
import { Fact, Facts } from '@/ui/card';
import { DiffView } from '@/ui/diff-view';
import { EffectTag } from '@/ui/effect-tag';
import { JsonBlock, Params } from '@/ui/json-view';
import { Mono } from '@/ui/mono';
import { PolicyLinks, Reasons } from '@/ui/policy-links';
import { AgentQuote, Escaped, LongText } from '@/ui/quote';
import { ReceiptView } from '@/ui/receipt-view';
import { RenderedCallView } from '@/ui/rendered-call';
import { Badge, StateBadge } from '@/ui/state-badge';
import { CheckView } from './check-view';
import { TokenView } from './token-view';

const has = (value: unknown) => value !== null && value !== undefined;

function Why({ step }: { step: RunStep }) {
  const policies = step.policies ?? [];
  return (
    <div className="space-y-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <StateBadge kind="verdict" value={step.verdict} />
        <PolicyLinks policies={policies} />
      </div>
      <Reasons reasons={step.reasons ?? []} />
    </div>
  );
}

function Refusal({ refusal }: { refusal: { code: string; message: string } }) {
  return (
    <div className="space-y-1">
      <Badge look={{ tone: 'deny', word: refusal.code }} />
      <p>{codeMeaning(refusal.code)}</p>
      <p className="text-muted">
        <LongText text={refusal.message} />
      </p>
    </div>
  );
}

function sendWord(step: RunStep): string {
  if (step.attempt && step.state !== 'not_sent') return 'Sent';
  const never = ['denied', 'refused', 'skipped', 'not_sent'].includes(step.state);
  return never || step.verdict === 'deny' ? 'Not sent' : 'Will send';
}

function Details({ step }: { step: RunStep }) {
  const request = readRenderedCall(step.request);
  return (
    <Facts>
      {step.refusal ? (
        <Fact name="Refused">
          <Refusal refusal={step.refusal} />
        </Fact>
      ) : null}
      <Fact name="Why">
        <Why step={step} />
      </Fact>
      <Fact name="Parameters">
        <Params params={step.params} />
      </Fact>
      {request ? (
        <Fact name={sendWord(step)}>
          <RenderedCallView call={request} />
        </Fact>
      ) : null}
      <Fact name="Token">
        {isObject(step.token) ? (
          <TokenView claims={step.token} />
        ) : (
          <span className="text-muted">
            {step.verdict === 'needs_approval' ? 'none until approved' : 'none'}
          </span>
        )}
      </Fact>
      {has(step.before) || has(step.after) ? (
        <Fact name="Before → after">
          <DiffView before={step.before} after={step.after} />
        </Fact>
      ) : null}
      {step.check ? (
        <Fact name="Check">
          <CheckView check={step.check} />
        </Fact>
      ) : null}
      {step.receipt ? (
        <Fact name="Receipt">
          <ReceiptView receipt={step.receipt} />
        </Fact>
      ) : null}
      {has(step.result) ? (
        <Fact name="Answer">
          <details>
            <summary className="py-0.5 text-accent">
              {step.status ? `HTTP ${step.status}, ` : ''}show what the tool answered
            </summary>
            <div className="mt-2">
              <JsonBlock value={step.result} label={`Answer to step ${step.id}`} />
            </div>
          </details>
        </Fact>
      ) : null}
      {step.depends_on?.length && step.state === 'pending' ? (
        <Fact name="Waits for">{step.depends_on.map(escapeText).join(', ')}</Fact>
      ) : null}
      {step.reason ? (
        <Fact name="Agent says">
          <AgentQuote text={step.reason} />
        </Fact>
      ) : null}
    </Facts>
  );
}

interface StepCardProps {
  step: RunStep;
  open: boolean;
  onToggle: () => void;
}

/** One step: what was asked, why it was allowed or not, what was sent, what came of it. */
export function StepCard({ step, open, onToggle }: StepCardProps) {
  const Chevron = open ? ChevronDown : ChevronRight;
  const body = `step-${step.plan_id ?? 'plan'}-${step.id}`;
  const state = stateLook('step', step.state);
  return (
    <li
      id={`step-${step.id}`}
      data-step={step.id}
      data-state={step.state}
      className="rounded-lg border border-line bg-surface shadow-card"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-2 py-1.5 pr-4">
        <h3 className="min-w-0 flex-1 basis-64">
          <button
            type="button"
            aria-expanded={open}
            aria-controls={body}
            onClick={onToggle}
            className="flex min-h-9 w-full min-w-0 items-center gap-2 rounded-md px-2 text-left"
          >
            <Chevron aria-hidden="true" size={16} className="shrink-0 text-muted" />
            <span className="font-mono text-dense text-muted">
              <Escaped text={step.id} />
            </span>
            <span className="truncate font-mono text-dense font-semibold">
              <Escaped text={step.tool} />
            </span>
            <span className="truncate text-muted">
              <Escaped text={headline(step)} />
            </span>
          </button>
        </h3>
        <div className="flex flex-wrap items-center gap-2">
          {step.effect ? <EffectTag effect={step.effect} /> : null}
          <StateBadge kind="verdict" value={step.verdict} />
          <Badge look={state} />
        </div>
      </div>
      {open ? (
        <div id={body} className="border-t border-line px-4 py-2">
          <Details step={step} />
          <Footer step={step} />
        </div>
      ) : null}
    </li>
  );
}

/** The values of the parameters in a row, for the folded step. */
function headline(step: RunStep): string {
  const values = Object.values(step.params).filter((value) => typeof value !== 'object');
  const text = values.map(String).join(' ');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function Footer({ step }: { step: RunStep }) {
  if (!step.approval_id && !step.attempt) return null;
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 border-t border-line py-2.5">
      <span className="text-note text-muted">
        {step.attempt ? (
          <>
            attempt{' '}
            <Link
              to="/calls/$attempt"
              params={{ attempt: step.attempt }}
              className="text-accent underline underline-offset-2"
            >
              <Mono>{step.attempt}</Mono>
            </Link>
          </>
        ) : null}
      </span>
      {step.approval_id ? (
        <Link
          to="/approvals/$id"
          params={{ id: step.approval_id }}
          className={buttonClass('plain')}
        >
          <Stamp aria-hidden="true" size={15} />
          {step.verdict === 'needs_approval' && step.state !== 'done'
            ? 'Review approval'
            : 'Show approval'}
        </Link>
      ) : null}
    </div>
  );
}
