import { defineConfig } from '@playwright/test';

// The system's browser is used: nothing is downloaded. As root Chromium has no sandbox to offer.
const asRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: '.',
  testMatch: /\.e2e\.ts$/,
  outputDir: '../../target/playwright',
  reporter: 'list',
  workers: 1,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  use: {
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--disable-background-networking', ...(asRoot ? ['--no-sandbox'] : [])],
    },
  },
});
