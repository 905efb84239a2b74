import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react';
import { startRun } from '@/api/actions';
import { agentsQuery } from '@/api/queries';
import { problemLine } from '@/lib/problem';
import { Button } from '@/ui/button';
import { Modal } from '@/ui/dialog';
import { FIELD } from '@/ui/field';
import { closeRunDialog, type RunDraft } from '@/ui/run-request';

function AgentLine() {
  const agents = useQuery(agentsQuery);
  const acting = agents.data?.filter((agent) => agent.autonomy !== 'observe') ?? [];
  if (acting.length === 0) return null;
  return (
    <p className="mt-2 text-note text-muted">
      Runs as {acting.map((agent) => `${agent.agent} (autonomy ${agent.autonomy})`).join(' or ')}.
      Policy decides each step; risky ones wait for a person.
    </p>
  );
}

/** Asks for a goal and starts a run. */
export function RunDialog({ draft }: { draft: RunDraft }) {
  const [goal, setGoal] = useState(draft.goal);
  const field = useRef<HTMLTextAreaElement>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const start = useMutation({
    mutationFn: startRun,
    onSuccess: async ({ run_id }) => {
      closeRunDialog();
      void client.invalidateQueries({ queryKey: ['runs'] });
      await navigate({ to: '/runs/$run', params: { run: run_id } });
    },
  });
  const ready = goal.trim() !== '' && !start.isPending;
  const send = () => {
    if (!ready) return;
    const trigger = draft.alert ? { kind: 'alert', alert: draft.alert } : undefined;
    start.mutate(trigger ? { goal: goal.trim(), trigger } : { goal: goal.trim() });
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) send();
  };
  return (
    <Modal open onClose={closeRunDialog} title="Run agent" initialFocus={field}>
      <form onSubmit={onSubmit}>
        <label htmlFor="run-goal" className="font-medium">
          Goal
        </label>
        <textarea
          id="run-goal"
          ref={field}
          rows={2}
          maxLength={500}
          value={goal}
          placeholder="Restore payments"
          onChange={(event) => setGoal(event.target.value.replaceAll('\n', ' '))}
          onKeyDown={onKeyDown}
          aria-describedby="run-goal-help"
          className={`${FIELD} mt-1 resize-none`}
        />
        <p id="run-goal-help" className="mt-1 text-note text-muted">
          What should be true afterwards, in one line. Ctrl Enter starts.
        </p>
        <AgentLine />
        {start.isError ? (
          <p role="alert" className="mt-3 text-deny-ink">
            {problemLine(start.error)}
          </p>
        ) : null}
        <div className="mt-5 flex justify-end gap-2">
          <Button onClick={closeRunDialog}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!ready}>
            {start.isPending ? 'Starting…' : 'Start run'}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
