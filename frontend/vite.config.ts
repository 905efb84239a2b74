import tailwindcss from '@tailwindcss/vite';
import { tanstackRouter } from '@tanstack/router-plugin/vite';
import react from '@vitejs/plugin-react';
import { loadEnv } from 'vite';
import { defineConfig } from 'vitest/config';

// `npm run dev` forwards the API to a running console server, so that cookies and events work.
const environment = loadEnv('development', '.', 'COUNTERSIGN_');
const consoleServer = environment.COUNTERSIGN_CONSOLE_ORIGIN ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [
    tanstackRouter({
      target: 'react',
      autoCodeSplitting: true,
      codeSplittingOptions: {
        defaultBehavior: [['component', 'loader'], ['errorComponent'], ['notFoundComponent']],
      },
      routesDirectory: './src/app/routes',
      generatedRouteTree: './src/app/route-tree.gen.ts',
      quoteStyle: 'single',
      semicolons: true,
    }),
    react(),
    tailwindcss(),
  ],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    manifest: true,
    rolldownOptions: {
      output: {
        // Few files: what every screen needs comes in one piece each, not in fifty.
        codeSplitting: {
          groups: [
            {
              name: 'vendor',
              test: /node_modules\/(react|react-dom|scheduler|use-sync-external-store|@tanstack)\//,
            },
            {
              name: 'parts',
              test: /node_modules\/(@base-ui|@floating-ui|tabbable)\//,
              minShareCount: 2,
            },
            {
              name: 'base',
              test: /openapi-fetch|src\/api\/(client|session)\.ts|src\/lib\/(canonical|display|problem|sign-in-link|store)\.ts/,
            },
            {
              name: 'ui',
              test: /node_modules\/lucide-react|src\/(ui\/(?!dialog|menu)|lib\/)/,
              minShareCount: 3,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': { target: consoleServer, changeOrigin: true } } },
  test: {
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: { name: 'unit', environment: 'node', include: ['src/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'parts',
          environment: 'jsdom',
          include: ['src/**/*.test.tsx'],
          setupFiles: ['./src/test-setup.ts'],
        },
      },
    ],
  },
});
