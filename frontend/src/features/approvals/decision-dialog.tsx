import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react';
import { decide } from '@/api/actions';
import type { ApprovalView } from '@/api/types';
import { escapeText } from '@/lib/escape';
import { toProblem } from '@/lib/problem';
import { Button } from '@/ui/button';
import { Modal } from '@/ui/dialog';
import { FIELD } from '@/ui/field';
import { ProblemView } from '@/ui/problem-view';
import { changeLine, idToType, reasonNeeded, targetOf } from './approvals';

const DENY_REASONS = ['Not now', 'Too risky', 'Wrong target', 'Needs a closer look'];

interface DialogProps {
  approval: ApprovalView;
  decision: 'approve' | 'deny';
  /** The hash that this browser recomputed, or for a denial the one it was told. */
  planHash: string;
  onClose: () => void;
}

function useDecision({ approval, decision, planHash, onClose }: DialogProps) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (reason: string) =>
      decide(approval.approval_id, { decision, plan_hash: planHash, reason }),
    onSuccess: onClose,
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ['approvals'] });
      void client.invalidateQueries({ queryKey: ['runs'] });
    },
  });
}

function Sentence({ approval, decision }: Pick<DialogProps, 'approval' | 'decision'>) {
  const change = changeLine(approval);
  const target = targetOf(approval);
  const approving = decision === 'approve';
  return (
    <p>
      {approving ? 'You approve that agent' : 'Agent'} {escapeText(approval.agent)}{' '}
      {approving ? 'calls' : 'may not call'}{' '}
      <strong className="font-mono text-dense">{approval.tool}</strong>
      {target ? (
        <>
          {' '}
          on <strong>{escapeText(target)}</strong>
        </>
      ) : null}
      {change ? ` (${escapeText(change)})` : ''}
      {approving ? ', exactly as shown.' : '. Nothing is sent, and the agent is told why.'}
    </p>
  );
}

/** Asks for a reason and, where much is at stake, for the resource's id; then decides. */
export function DecisionDialog(props: DialogProps) {
  const { approval, decision, onClose } = props;
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const first = useRef<HTMLTextAreaElement>(null);
  const send = useDecision(props);
  const approving = decision === 'approve';
  const toType = approving ? idToType(approval) : null;
  const needsReason = approving ? reasonNeeded(approval) : true;
  const ready =
    !send.isPending &&
    (!needsReason || reason.trim() !== '') &&
    (toType === null || typed === toType);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) send.mutate(reason.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && ready) {
      event.preventDefault();
      send.mutate(reason.trim());
    }
  };
  const acted = targetOf(approval);
  const target = acted ? ` on ${escapeText(acted)}` : '';
  return (
    <Modal
      open
      onClose={onClose}
      title={approving ? `Approve ${approval.tool}${target}?` : `Deny ${approval.tool}${target}?`}
      initialFocus={first}
    >
      <form onSubmit={submit}>
        <Sentence approval={approval} decision={decision} />
        <label htmlFor="decision-reason" className="mt-4 block font-medium">
          Reason{needsReason ? '' : ' (optional)'}
        </label>
        {approving ? null : (
          <div className="mt-1 flex flex-wrap gap-1.5">
            {DENY_REASONS.map((text) => (
              <Button key={text} onClick={() => setReason(text)}>
                {text}
              </Button>
            ))}
          </div>
        )}
        <textarea
          id="decision-reason"
          ref={first}
          rows={2}
          maxLength={500}
          value={reason}
          required={needsReason}
          onChange={(event) => setReason(event.target.value)}
          onKeyDown={onKeyDown}
          className={`${FIELD} mt-1.5 resize-none`}
        />
        {toType === null ? null : (
          <>
            <label htmlFor="decision-id" className="mt-4 block font-medium">
              Type <span className="font-mono">{escapeText(toType)}</span> to confirm
            </label>
            <input
              id="decision-id"
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              className={`${FIELD} mt-1 font-mono`}
            />
          </>
        )}
        {send.isError ? (
          <div className="mt-3 rounded-md bg-sunken">
            <ProblemView error={send.error} />
            {toProblem(send.error).kind === 'conflict' ? (
              <p className="px-4 pb-3">Close this dialog: the page now shows how things stand.</p>
            ) : null}
          </div>
        ) : null}
        <div className="mt-5 flex justify-end gap-3">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={approving ? 'primary' : 'danger'} disabled={!ready}>
            {send.isPending
              ? 'Sending…'
              : `${approving ? 'Approve' : 'Deny'} ${approval.tool}${target}`}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
