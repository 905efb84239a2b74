import { createFileRoute } from '@tanstack/react-router';
import { toolsQuery } from '@/api/queries';
import { ToolPage } from '@/features/tools/tool-page';

export const Route = createFileRoute('/_app/tools/$name')({
  loader: ({ context }) => void context.client.prefetchQuery(toolsQuery),
  component: Tool,
});

function Tool() {
  const { name } = Route.useParams();
  return <ToolPage key={name} name={name} />;
}
