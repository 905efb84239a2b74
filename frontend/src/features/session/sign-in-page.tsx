import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { signIn } from '@/api/session';
import { safeNext } from '@/lib/next-path';
import { toProblem } from '@/lib/problem';
import { linkFailure } from '@/lib/sign-in-link';
import { useStore } from '@/lib/store';
import { Button } from '@/ui/button';
import { FIELD } from '@/ui/field';

function failureText(error: unknown): string {
  const problem = toProblem(error);
  return problem.kind === 'signed_out' || problem.kind === 'denied'
    ? 'This key is not known here. Check that it is an operator or approver key of this installation.'
    : `${problem.title}. ${problem.detail} ${problem.advice}`;
}

/** Asks for a key, once per session. The key is sent in one request and kept nowhere. */
export function SignInPage({ next }: { next: string | undefined }) {
  const [key, setKey] = useState('');
  const client = useQueryClient();
  const router = useRouter();
  const failedLink = useStore(linkFailure);
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: async () => {
      linkFailure.set(null);
      setKey('');
      client.removeQueries();
      await router.invalidate();
      router.history.push(safeNext(next, window.location.origin));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '') enter.mutate({ key: key.trim() });
  };
  return (
    <main className="flex min-h-dvh items-center justify-center p-4">
      <title>Sign in · Countersign</title>
      <div className="w-full max-w-[26rem] rounded-lg border border-line bg-surface p-6 shadow-card">
        <img src="/favicon.svg" alt="" width={36} height={36} />
        <h1 className="mt-4 text-page font-semibold">Sign in to Countersign</h1>
        <p className="mt-1 text-muted">
          Open the sign-in link that <code className="font-mono text-dense">countersign up</code>{' '}
          printed, or paste an operator or approver key.
        </p>
        {failedLink ? (
          <p role="alert" className="mt-4 rounded-md bg-sunken p-3">
            The sign-in link did not work; each works once. {failedLink}
          </p>
        ) : null}
        <form onSubmit={submit} className="mt-5">
          <label htmlFor="key" className="font-medium">
            Key
          </label>
          <input
            id="key"
            type="password"
            autoComplete="off"
            spellCheck={false}
            required
            value={key}
            placeholder="cs_op_…"
            onChange={(event) => setKey(event.target.value)}
            aria-describedby="key-help"
            className={`${FIELD} mt-1 font-mono`}
          />
          <p id="key-help" className="mt-1 text-note text-muted">
            It is exchanged for a session and not kept by this page.
          </p>
          {enter.isError ? (
            <p role="alert" className="mt-3 text-deny-ink">
              {failureText(enter.error)}
            </p>
          ) : null}
          <Button
            type="submit"
            look="primary"
            className="mt-5 w-full"
            disabled={enter.isPending || key.trim() === ''}
          >
            {enter.isPending ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
      </div>
    </main>
  );
}
