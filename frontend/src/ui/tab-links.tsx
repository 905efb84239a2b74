import { Link, type LinkProps } from '@tanstack/react-router';

interface Tab {
  to: LinkProps['to'];
  search: LinkProps['search'];
  word: string;
  current: boolean;
}

/** Views of one page, each with its own address. */
export function TabLinks({ label, tabs }: { label: string; tabs: Tab[] }) {
  return (
    <nav aria-label={label} className="mb-3 flex gap-1 overflow-x-auto border-b border-line">
      {tabs.map((tab) => (
        <Link
          key={tab.word}
          to={tab.to}
          search={tab.search}
          activeProps={{ 'aria-current': undefined }}
          aria-current={tab.current ? 'page' : undefined}
          data-current={tab.current ? 'yes' : undefined}
          className="-mb-px inline-flex min-h-11 items-center border-b-2 border-transparent px-3 whitespace-nowrap text-muted hover:text-text data-current:border-accent data-current:font-medium data-current:text-text md:min-h-9"
        >
          {tab.word}
        </Link>
      ))}
    </nav>
  );
}
