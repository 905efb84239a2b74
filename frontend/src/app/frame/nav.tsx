import { Menu } from '@base-ui/react/menu';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { Ellipsis } from 'lucide-react';
import { approvalsQuery, callsQuery, metaQuery } from '@/api/queries';
import { Dropdown, MENU_ITEM } from '@/ui/menu';
import { PLACES, type Place } from './places';

function usePlaces(): readonly Place[] {
  const meta = useQuery(metaQuery);
  return PLACES.filter((place) => place.to !== '/simulator' || meta.data?.simulator === true);
}

interface Count {
  count: number;
  means: string;
}

/** What waits behind a place. */
function useCounts(): Partial<Record<Place['to'], Count>> {
  const approvals = useQuery(approvalsQuery);
  const doubtful = useQuery(callsQuery('in_doubt'));
  const pending = approvals.data?.filter((approval) => approval.state === 'pending').length ?? 0;
  return {
    '/approvals': { count: pending, means: 'pending' },
    '/calls': { count: doubtful.data?.length ?? 0, means: 'in doubt' },
  };
}

function CountMark({ count }: { count: Count | undefined }) {
  if (!count || count.count === 0) return null;
  return (
    <span className="rounded-full bg-wait px-1.5 text-note font-semibold text-on-wait">
      {count.count}
      <span className="sr-only"> {count.means}</span>
    </span>
  );
}

const SIDE_LINK =
  'flex min-h-9 items-center gap-2.5 rounded-md px-2.5 text-muted hover:bg-none hover:text-text aria-[current=page]:bg-accent-soft aria-[current=page]:font-medium aria-[current=page]:text-accent';

/** Navigation at the side of wide windows. */
export function SideNav() {
  const places = usePlaces();
  const counts = useCounts();
  const groups = ['Work', 'Govern', 'Prove', 'Practice'] as const;
  return (
    <nav aria-label="Main" className="hidden flex-1 overflow-y-auto px-3 pb-4 md:block">
      {groups.map((group) => {
        const items = places.filter((place) => place.group === group);
        if (items.length === 0) return null;
        return (
          <div key={group} className="mt-4 first:mt-0">
            {group === 'Work' ? null : (
              <p className="px-2.5 pb-1 text-note font-medium text-muted">{group}</p>
            )}
            <ul className="space-y-0.5">
              {items.map((place) => (
                <li key={place.to}>
                  <Link
                    to={place.to}
                    activeOptions={{ exact: place.to === '/', includeSearch: false }}
                    className={SIDE_LINK}
                  >
                    <place.icon aria-hidden="true" size={17} />
                    <span className="flex-1">{place.word}</span>
                    <CountMark count={counts[place.to]} />
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

const BAR_ITEM =
  'relative flex h-14 w-full min-w-0 flex-col items-center justify-center gap-0.5 text-note text-muted aria-[current=page]:font-medium aria-[current=page]:text-accent';

/** Navigation at the bottom of narrow windows. */
export function BottomNav() {
  const places = usePlaces();
  const counts = useCounts();
  const navigate = useNavigate();
  const first = places.filter((place) => place.group === 'Work');
  const more = places.filter((place) => place.group !== 'Work');
  return (
    <nav
      aria-label="Main"
      className="fixed inset-x-0 bottom-0 z-30 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      <ul className="grid grid-cols-5">
        {first.map((place) => (
          <li key={place.to}>
            <Link
              to={place.to}
              activeOptions={{ exact: place.to === '/', includeSearch: false }}
              className={BAR_ITEM}
            >
              <place.icon aria-hidden="true" size={20} />
              {place.word}
              <span className="absolute top-1 left-1/2 ml-2">
                <CountMark count={counts[place.to]} />
              </span>
            </Link>
          </li>
        ))}
        <li>
          <Dropdown
            label="More"
            side="top"
            chevron="hidden"
            triggerClass={BAR_ITEM}
            trigger={
              <>
                <Ellipsis aria-hidden="true" size={20} />
                More
              </>
            }
          >
            {more.map((place) => (
              <Menu.Item
                key={place.to}
                className={MENU_ITEM}
                onClick={() => void navigate({ to: place.to })}
              >
                <place.icon aria-hidden="true" size={17} />
                {place.word}
              </Menu.Item>
            ))}
          </Dropdown>
        </li>
      </ul>
    </nav>
  );
}
