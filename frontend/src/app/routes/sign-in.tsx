import { createFileRoute } from '@tanstack/react-router';
import { SignInPage } from '@/features/session/sign-in-page';

export const Route = createFileRoute('/sign-in')({
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    typeof search.next === 'string' ? { next: search.next } : {},
  component: SignIn,
});

function SignIn() {
  const { next } = Route.useSearch();
  return <SignInPage next={next} />;
}
