import { createFileRoute } from '@tanstack/react-router';
import { approvalQuery } from '@/api/queries';
import { ApprovalPage } from '@/features/approvals/approval-page';

export const Route = createFileRoute('/_app/approvals/$id')({
  loader: ({ context, params }) => void context.client.prefetchQuery(approvalQuery(params.id)),
  component: Approval,
});

function Approval() {
  const { id } = Route.useParams();
  return <ApprovalPage key={id} id={id} />;
}
