/** The request of the hand-written contenders, and how two of them make it: undici `Pool.request`, answer as JSON. */
import { Pool } from 'undici';

export type Cells = Record<string, string>;

export const PATH = '/api/v1/contacts';
export const HEADERS = { 'x-api-key': 'sk_test_bench', 'content-type': 'application/json' };

/** `cell` gives the cell of a column. */
export function bodyOf(cell: (column: string) => string | undefined): string {
  return JSON.stringify({
    email: cell('email')?.trim().toLowerCase(),
    external_id: cell('external_id'),
    first_name: cell('first_name'),
    last_name: cell('last_name'),
    tags: cell('tags')?.split(','),
    custom_fields: { plan: cell('custom_fields.plan'), city: cell('custom_fields.city') },
  });
}

/** The id of the contact. */
export function idOf(status: number, answer: unknown): string {
  if (status !== 201) throw new Error(`HTTP ${status}`);
  return (answer as { id: string }).id;
}

export function makePost(url: string, connections: number) {
  const pool = new Pool(url, { connections });
  return {
    async post(cells: Cells): Promise<string> {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: PATH,
        headers: HEADERS,
        body: bodyOf((column) => cells[column]),
      });
      return idOf(statusCode, await body.json());
    },
    close: () => pool.close(),
  };
}
