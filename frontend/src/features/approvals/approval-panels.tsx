import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runsQuery } from '@/api/queries';
import type { ApprovalView, GivenDecision } from '@/api/types';
import type { PlanStep } from '@/lib/plan-hash';
import { Card, Fact, Facts } from '@/ui/card';
import { EffectTag } from '@/ui/effect-tag';
import { Params } from '@/ui/json-view';
import { CopyButton, Digest, Mono } from '@/ui/mono';
import { PolicyLinks, Reasons } from '@/ui/policy-links';
import { AgentQuote, Escaped } from '@/ui/quote';
import { RenderedCallView } from '@/ui/rendered-call';
import { Badge, StateBadge, ToneIcon } from '@/ui/state-badge';
import { Time } from '@/ui/time';
import { changeLine } from './approvals';
import { usePlanCheck } from './use-plan-check';

/** What will be sent: the rendered request and the parameters, never a description of them. */
export function ChangePanel({ approval }: { approval: ApprovalView }) {
  const change = changeLine(approval);
  return (
    <Card title="What will be sent" aside={<EffectTag effect={approval.effect} />}>
      {approval.request ? (
        <RenderedCallView call={approval.request} />
      ) : (
        <p>The request is rendered when its open values are known.</p>
      )}
      <div className="mt-3">
        <Facts>
          <Fact name="Parameters">
            <Params params={approval.params} />
          </Fact>
          {Object.keys(approval.bounds ?? {}).length > 0 ? (
            <Fact name="May still move">
              <Params params={approval.bounds ?? {}} />
              <span className="block text-note text-muted">
                the exact values come with the token request, within these bounds
              </span>
            </Fact>
          ) : null}
          {approval.precondition === undefined ? null : (
            <Fact name="Only while">
              <Escaped text={JSON.stringify(approval.precondition)} />
              <span className="block text-note text-muted">
                seen when the plan was made, and read again right before the call
              </span>
            </Fact>
          )}
          {change ? (
            <Fact name="Change">
              <span className="text-section font-semibold">
                <Escaped text={change} />
              </span>
              <span className="block text-note text-muted">
                context as the authority knew it, not part of the hashed plan
              </span>
            </Fact>
          ) : null}
          <Fact name="Agent says">
            <AgentQuote
              text={approval.reason ? `${approval.goal}\n${approval.reason}` : approval.goal}
            />
          </Fact>
        </Facts>
      </div>
    </Card>
  );
}

/** Which rule asks, and for whom. */
export function WhyPanel({ approval }: { approval: ApprovalView }) {
  const rules = approval.rule ?? [];
  return (
    <Card title="Why it asks">
      <ul className="space-y-2">
        {rules.map((rule) => (
          <li key={rule.policy} className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <PolicyLinks policies={[rule.policy]} />
            <span className="text-muted">needs</span>
            {rule.needs.map((need) => (
              <span key={need.role} className="rounded-sm bg-none px-1.5 text-note text-on-none">
                {need.count} × {need.role}
              </span>
            ))}
          </li>
        ))}
        {rules.length === 0 ? (
          <li>
            <PolicyLinks policies={approval.policies ?? []} />
          </li>
        ) : null}
      </ul>
      <div className="mt-3">
        <Reasons reasons={approval.reasons} />
      </div>
      {approval.tainted ? (
        <p className="mt-3 flex gap-2">
          <ToneIcon tone="error" />
          Planned after the agent read text of unknown authors (tainted).
        </p>
      ) : null}
    </Card>
  );
}

function Given({ given }: { given: GivenDecision }) {
  const yes = given.decision === 'approve';
  return (
    <li className="space-y-0.5">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Badge look={{ tone: yes ? 'allow' : 'deny', word: yes ? 'approved' : 'denied' }} />
        <span className="font-medium">{given.by}</span>
        {given.role ? <span className="text-muted">as {given.role}</span> : null}
        <span className="text-note text-muted">
          <Time at={given.at} />
        </span>
      </div>
      {given.reason ? (
        <p className="break-words">
          “<Escaped text={given.reason} />”
        </p>
      ) : null}
      {given.signature ? (
        <p className="text-note text-muted">signed with the approver’s key</p>
      ) : null}
    </li>
  );
}

function RunLink({ plan }: { plan: string }) {
  const runs = useQuery(runsQuery);
  const run = runs.data?.find((item) => item.plan_ids.includes(plan));
  if (!run) return null;
  return (
    <Fact name="Run">
      <Link
        to="/runs/$run"
        params={{ run: run.run_id }}
        className="text-accent underline underline-offset-2"
      >
        <Escaped text={run.goal} />
      </Link>
    </Fact>
  );
}

/** Who asked, and who has decided so far. */
export function WhoPanel({ approval }: { approval: ApprovalView }) {
  const given = approval.given ?? [];
  return (
    <Card title="Who">
      <Facts>
        <Fact name="Agent">{approval.agent}</Fact>
        <Fact name="Asked by">{approval.requested_by ?? 'the agent itself'}</Fact>
        <RunLink plan={approval.plan_id} />
        <Fact name="Asked">
          <Time at={approval.created_at} />
        </Fact>
        <Fact name="Decisions">
          {given.length === 0 ? <span className="text-muted">none yet</span> : null}
          <ul className="space-y-2">
            {given.map((item) => (
              <Given key={`${item.by} ${item.at}`} given={item} />
            ))}
          </ul>
        </Fact>
      </Facts>
    </Card>
  );
}

function SignatureNotice({ id }: { id: string }) {
  const command = `countersign approvals approve ${id}`;
  return (
    <div className="mt-3 rounded-md bg-sunken p-3">
      <p>
        This approval needs the approver’s signing key. The enforcer checks the signature itself, so
        it cannot be given from this browser. On the machine that holds the key:
      </p>
      <p className="mt-2 flex items-center gap-1">
        <code className="font-mono text-dense break-all">{command}</code>
        <CopyButton text={command} label="command" />
      </p>
    </div>
  );
}

/** The other steps that the same hash covers, as the hashed bytes have them. */
function OtherSteps({ steps }: { steps: PlanStep[] }) {
  if (steps.length === 0) return null;
  return (
    <details className="mt-3">
      <summary className="py-0.5 text-accent">
        {steps.length === 1 ? 'one other step' : `${steps.length} other steps`} of this plan
      </summary>
      <ul className="mt-2 space-y-2">
        {steps.map((step) => (
          <li key={step.id} className="rounded-md bg-sunken p-2">
            <p className="flex flex-wrap items-center gap-2">
              <span className="font-mono text-dense text-muted">
                <Escaped text={step.id} />
              </span>
              <span className="font-mono text-dense font-medium">
                <Escaped text={step.tool} />
              </span>
              <StateBadge kind="verdict" value={step.verdict} />
            </p>
            <div className="mt-1">
              <Params params={step.params} />
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The plan hash, and whether this browser came to the same. */
export function HashPanel({ approval }: { approval: ApprovalView }) {
  const check = usePlanCheck(approval);
  const pending = approval.state === 'pending';
  return (
    <Card title="Plan hash" className="order-last lg:order-none">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Digest value={approval.plan_hash} label="plan hash" length={20} />
        {check === undefined ? <span className="text-muted">recomputing…</span> : null}
        {check?.result === 'good' ? (
          <Badge look={{ tone: 'allow', word: 'recomputed in this browser' }} />
        ) : null}
        {check && check.result !== 'good' ? (
          <Badge
            look={{
              tone: check.result === 'different' ? 'error' : 'none',
              word: check.result === 'different' ? 'does not match' : 'not recomputed',
            }}
          />
        ) : null}
      </div>
      {check && check.result !== 'good' ? (
        <p className="mt-2" role={check.result === 'different' ? 'alert' : undefined}>
          {check.result === 'different' ? 'Do not approve: ' : ''}
          {check.reason}.
        </p>
      ) : null}
      <p className="mt-2 text-note text-muted">
        plan <Mono>{approval.plan_id}</Mono>, step <Mono>{approval.step}</Mono>
      </p>
      {check?.result === 'good' ? (
        <OtherSteps steps={check.steps.filter((step) => step.id !== approval.step)} />
      ) : null}
      {approval.signature_required && pending ? (
        <SignatureNotice id={approval.approval_id} />
      ) : null}
    </Card>
  );
}
