import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { FileText, TriangleAlert } from 'lucide-react';
import { policiesQuery } from '@/api/queries';
import type { PoliciesView, PolicyFile } from '@/api/types';
import { AsyncOne } from '@/ui/async-list';
import { Digest } from '@/ui/mono';
import { Page } from '@/ui/page';
import { Escaped } from '@/ui/quote';
import { Badge } from '@/ui/state-badge';
import { Time } from '@/ui/time';
import { PolicyText } from './policy-text';

interface Chosen {
  file: string | undefined;
  policy: string | undefined;
}

function choose(view: PoliciesView, { file, policy }: Chosen): PolicyFile | undefined {
  if (file) return view.files.find((item) => item.path === file);
  if (policy) return view.files.find((item) => item.policies?.includes(policy));
  return view.files[0];
}

function FileList({ files, current }: { files: PolicyFile[]; current: PolicyFile | undefined }) {
  return (
    <nav
      aria-label="Policy files"
      className="rounded-lg border border-line bg-surface p-2 shadow-card lg:self-start"
    >
      <ul className="space-y-0.5">
        {files.map((file) => (
          <li key={file.path}>
            <Link
              to="/policies/$"
              params={{ _splat: file.path }}
              search={{}}
              aria-current={file === current ? 'page' : undefined}
              className="flex min-h-11 items-center gap-2 rounded-md px-2 hover:bg-none aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent md:min-h-8"
            >
              <FileText aria-hidden="true" size={15} className="shrink-0 text-muted" />
              <span className="min-w-0 flex-1 truncate font-mono text-dense">{file.path}</span>
              <span className="text-note text-muted">
                {file.policies?.length ?? 0}
                <span className="sr-only"> policies</span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Candidate({ view }: { view: PoliciesView }) {
  const candidate = view.candidate;
  if (!candidate) return null;
  const { file, line, message } = candidate.error;
  return (
    <div role="alert" className="mb-4 flex gap-3 rounded-lg bg-error p-4 text-on-error">
      <TriangleAlert aria-hidden="true" size={20} className="mt-0.5 shrink-0" />
      <div className="min-w-0">
        <p className="font-semibold">
          The newest policies were refused <Time at={candidate.at} />; what is shown below still
          serves.
        </p>
        <p className="mt-1 font-mono text-dense break-words">
          {file ? `${file}${line ? `:${line}` : ''}: ` : ''}
          <Escaped text={message} />
        </p>
      </div>
    </div>
  );
}

function Cases({ view }: { view: PoliciesView }) {
  const failed = view.cases.failed;
  const total = view.cases.passed + failed.length;
  const look =
    failed.length > 0
      ? ({ tone: 'error', word: `${failed.length} of ${total} cases fail` } as const)
      : total > 0
        ? ({ tone: 'allow', word: `${total} of ${total} cases pass` } as const)
        : ({ tone: 'none', word: 'no cases' } as const);
  return <Badge look={look} />;
}

function FailedCases({ view }: { view: PoliciesView }) {
  if (view.cases.failed.length === 0) return null;
  return (
    <section
      aria-label="Failing cases"
      className="mb-4 rounded-lg border border-line bg-surface p-4"
    >
      <h2 className="font-semibold">Failing cases</h2>
      <ul className="mt-2 space-y-1">
        {view.cases.failed.map((item) => (
          <li key={`${item.file} ${item.name}`}>
            <code className="font-mono text-dense">{item.file}</code> {item.name}: {item.message}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Policies({ view, chosen }: { view: PoliciesView; chosen: Chosen }) {
  const current = choose(view, chosen);
  const wanted = chosen.file ?? chosen.policy;
  return (
    <>
      <Candidate view={view} />
      <div className="mb-4 flex flex-wrap items-center gap-x-4 gap-y-2 text-muted">
        {view.bundle ? (
          <span>
            Bundle <Digest value={view.bundle} label="bundle hash" />
          </span>
        ) : (
          <Badge look={{ tone: 'error', word: 'no bundle: everything is denied' }} />
        )}
        {view.loaded_at ? (
          <span>
            active since <Time at={view.loaded_at} />
          </span>
        ) : null}
        <span>epoch {view.policy_epoch}</span>
        <Cases view={view} />
      </div>
      <FailedCases view={view} />
      <div className="grid grid-cols-1 gap-4 lg:grid-cols-[17rem_minmax(0,1fr)]">
        <FileList files={view.files} current={current} />
        {current ? (
          <PolicyText key={current.path} file={current} policy={chosen.policy} />
        ) : (
          <p className="rounded-lg border border-line bg-surface px-4 py-8 text-center text-muted">
            {wanted ? (
              <>
                <code className="font-mono">{wanted}</code> is not in the active bundle. It may have
                been in an earlier one.
              </>
            ) : (
              'The active bundle has no policy files: everything is denied.'
            )}
          </p>
        )}
      </div>
    </>
  );
}

/** The active policies as git has them. The console never writes policy. */
export function PoliciesPage({ file, policy }: Chosen) {
  const query = useQuery(policiesQuery);
  return (
    <Page
      title="Policies"
      lead="Read-only: policies live in git and are loaded whole or not at all."
    >
      <AsyncOne query={query} label="the policies">
        {(view) => <Policies view={view} chosen={{ file, policy }} />}
      </AsyncOne>
    </Page>
  );
}
