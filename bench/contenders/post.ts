/** The request of the two hand-written contenders: undici `Pool.request`, body and answer as JSON, status checked. */
import { Pool } from 'undici';

export type Cells = Record<string, string>;

export function makePost(url: string, connections: number) {
  const pool = new Pool(url, { connections });
  return {
    async post(cells: Cells): Promise<string> {
      const { email, external_id, first_name, last_name, tags } = cells;
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/api/v1/contacts',
        headers: { 'x-api-key': 'sk_test_bench', 'content-type': 'application/json' },
        body: JSON.stringify({
          email: email?.trim().toLowerCase(),
          external_id,
          first_name,
          last_name,
          tags: tags?.split(','),
          custom_fields: { plan: cells['custom_fields.plan'], city: cells['custom_fields.city'] },
        }),
      });
      const contact = (await body.json()) as { id: string };
      if (statusCode !== 201) throw new Error(`HTTP ${statusCode}`);
      return contact.id;
    },
    close: () => pool.close(),
  };
}
