import { createFileRoute } from '@tanstack/react-router';
import { toolsQuery } from '@/api/queries';
import { ToolsPage } from '@/features/tools/tools-page';

export const Route = createFileRoute('/_app/tools/')({
  loader: ({ context }) => void context.client.prefetchQuery(toolsQuery),
  component: ToolsPage,
});
