import { describe, expect, it } from 'vitest';
import {
  countdown,
  countdownAnnouncement,
  formatDuration,
  formatTime,
  otherTimes,
  relativeText,
} from './time';

const NOW = Date.parse('2026-03-01T10:41:07Z');

describe('formatTime', () => {
  it('leaves the date out on the same day and keeps it otherwise', () => {
    expect(formatTime('2026-03-01T09:00:00.123Z', 'utc', NOW)).toBe('09:00:00 UTC');
    expect(formatTime('2026-02-28T09:00:00Z', 'utc', NOW)).toBe('2026-02-28 09:00:00 UTC');
  });

  it('gives local time its offset', () => {
    expect(formatTime('2026-03-01T10:41:07Z', 'local', NOW)).toMatch(
      /\d\d:\d\d:\d\d [+-]\d\d:\d\d$/,
    );
  });

  it('shows what it cannot read as it came', () => {
    expect(formatTime('yesterday', 'utc', NOW)).toBe('yesterday');
  });

  it('offers the other two spellings', () => {
    expect(otherTimes('2026-03-01T10:40:07Z', 'utc', NOW)).toMatch(/ · 1 min ago$/);
    expect(otherTimes('2026-03-01T10:40:07Z', 'relative', NOW)).toMatch(/ · 10:40:07 UTC$/);
  });
});

describe('relativeText', () => {
  it.each([
    [0, 'just now'],
    [-42_000, '42 s ago'],
    [-119_000, '1 min ago'],
    [-7_200_000, '2 h ago'],
    [-172_800_000, '2 d ago'],
    [720_000, 'in 12 min'],
  ])('%i ms from now is %s', (delta, text) => {
    expect(relativeText(NOW + delta, NOW)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [84, '84 ms'],
    [1234, '1.2 s'],
    [59_990, '59.9 s'],
    [125_000, '2 min 05 s'],
    [11_040_000, '3 h 04 min'],
    [-5, '0 ms'],
  ])('%i ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('countdown', () => {
  it('counts down to expired', () => {
    expect(countdown('2026-03-01T10:52:49Z', NOW)).toBe('11:42');
    expect(countdown('2026-03-01T12:00:00Z', NOW)).toBe('1:18:53');
    expect(countdown('2026-03-01T10:41:07Z', NOW)).toBe('expired');
    expect(countdown('soon', NOW)).toBe('unknown');
  });

  it('is announced at five minutes, one minute, ten seconds and the end only', () => {
    expect(countdownAnnouncement(301)).toBe('');
    expect(countdownAnnouncement(300)).toBe(countdownAnnouncement(61));
    expect(countdownAnnouncement(60)).toBe(countdownAnnouncement(11));
    expect(countdownAnnouncement(10)).toBe('Ten seconds left.');
    expect(countdownAnnouncement(0)).toBe('This approval has expired.');
  });
});
