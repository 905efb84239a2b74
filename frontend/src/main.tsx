import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './app/query-client';
import { createConsoleRouter } from './app/router';
import { consumeSignInLink } from './app/sign-in-link';
import { watchTheme } from './lib/display';
import './styles.css';

const client = createQueryClient();
watchTheme();
await consumeSignInLink(client);
const router = createConsoleRouter(client);
// A sign-in link pasted into an open console changes the fragment only.
window.addEventListener('hashchange', () => {
  void consumeSignInLink(client).then((found) => (found ? router.invalidate() : undefined));
});
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
