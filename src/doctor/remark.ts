/** What the doctor says about one thing. */
export interface Remark {
  /** `node`, `config`, `data_dir`, `disk`, `reports`, `redis`, `dashboard`, `destination`, `clock` */
  check: string;
  level: 'ok' | 'warning' | 'fault';
  /** One sentence, without any secret. */
  says: string;
  /** How to mend it. */
  mend?: string;
}

export const ok = (check: string, says: string): Remark => ({ check, level: 'ok', says });

export const warning = (check: string, says: string, mend?: string): Remark => ({
  check,
  level: 'warning',
  says,
  ...(mend === undefined ? {} : { mend }),
});

export const fault = (check: string, says: string, mend?: string): Remark => ({
  ...warning(check, says, mend),
  level: 'fault',
});
