import { useState } from 'react';
import { escapeSegments } from '@/lib/escape';
import { Button } from './button';

const SHOWN = 1200;

/** Foreign text with misleading characters spelled out. Never markup, never links. */
export function Escaped({ text }: { text: string }) {
  let offset = 0;
  return escapeSegments(text).map((segment) => {
    const key = offset;
    offset += segment.text.length;
    return segment.escaped ? (
      <code key={key} className="rounded-sm bg-wait px-0.5 font-mono text-note text-on-wait">
        {segment.text}
      </code>
    ) : (
      <span key={key}>{segment.text}</span>
    );
  });
}

/** Foreign text, cut where it would flood the page, with a way to see all of it. */
export function LongText({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > SHOWN;
  return (
    <>
      <Escaped text={cut ? text.slice(0, SHOWN) : text} />
      {cut ? (
        <span className="mt-1 block">
          <Button onClick={() => setAll(true)}>
            Show all {text.length.toLocaleString('en')} characters
          </Button>
        </span>
      ) : null}
    </>
  );
}

/** The agent's own words: a quotation that nobody checked. */
export function AgentQuote({ text }: { text: string }) {
  return (
    <figure className="max-w-[72ch]">
      <blockquote className="border-l-2 border-control pl-3 break-words whitespace-pre-wrap italic">
        <LongText text={text} />
      </blockquote>
      <figcaption className="mt-1 pl-3 text-note text-muted">
        written by the agent, not checked
      </figcaption>
    </figure>
  );
}
