import { useQuery } from '@tanstack/react-query';
import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { ApiError, problemFrom } from '@/lib/problem';
import { renderInApp } from '@/test-kit';
import { AsyncList } from './async-list';

function List({ read }: { read: () => Promise<string[]> }) {
  const query = useQuery({ queryKey: ['rows'], queryFn: read });
  return (
    <AsyncList query={query} label="rows" empty={<p>No rows yet.</p>}>
      {(rows) => <p>{rows.join(', ')}</p>}
    </AsyncList>
  );
}

const denied = new ApiError(
  problemFrom(
    403,
    { title: 'Not allowed', detail: 'needs operator', code: 'role_missing' },
    'req_1',
  ),
);

describe('AsyncList', () => {
  it('shows that it loads, and then the rows', async () => {
    let answer: (rows: string[]) => void = () => undefined;
    await renderInApp(<List read={() => new Promise((resolve) => (answer = resolve))} />);
    expect(screen.getByRole('status')).toHaveTextContent('Loading rows');
    answer(['a', 'b']);
    expect(await screen.findByText('a, b')).toBeInTheDocument();
  });

  it('shows its sentence when there is nothing', async () => {
    await renderInApp(<List read={async () => []} />);
    expect(await screen.findByText('No rows yet.')).toBeInTheDocument();
  });

  it('shows title, detail, code and request id of a denial, and tries again on request', async () => {
    let fails = true;
    const read = async () => {
      if (fails) throw denied;
      return ['a'];
    };
    await renderInApp(<List read={read} />);
    const alert = await screen.findByRole('alert');
    for (const text of ['Not allowed', 'needs operator', 'role_missing', 'req_1']) {
      expect(alert).toHaveTextContent(text);
    }
    fails = false;
    await userEvent.click(screen.getByRole('button', { name: 'Retry' }));
    expect(await screen.findByText('a')).toBeInTheDocument();
  });

  it('keeps the rows it had, with their age, when reading them again fails', async () => {
    let fails = false;
    const read = async () => {
      if (fails) throw denied;
      return ['a'];
    };
    const { client } = await renderInApp(<List read={read} />);
    await screen.findByText('a');
    fails = true;
    await client.invalidateQueries();
    expect(await screen.findByRole('alert')).toBeInTheDocument();
    expect(screen.getByText('a')).toBeInTheDocument();
    expect(screen.getByText(/What is shown below is from/)).toBeInTheDocument();
  });
});
