/** What the subfolders of the inbox stand for. */
import type { RowferryError } from '../../errors.js';
import { didYouMean } from '../../spelling.js';
import type { Complete } from './inbox.js';

/** Names of syncs and destinations. */
export interface TargetNames {
  syncs: readonly string[];
  destinations: readonly string[];
  /** Those of the destinations that are configured, or whose credentials are there. */
  offered: readonly string[];
}

/** Where a file is, or was, and what is odd about it. */
interface Place {
  shown: string;
  subfolder?: string | undefined;
  odd?: Complete['odd'] | undefined;
}

export interface Target {
  sync?: string;
  to?: string;
  /** Why a file there is rejected. */
  refused?: string;
}

export class Targets {
  constructor(private readonly names: TargetNames) {}

  /** Subfolders that are made for those who drop files. */
  get subfolders(): string[] {
    return [...new Set([...this.names.syncs, ...this.names.offered])];
  }

  of({ shown, subfolder, odd }: Place): Target {
    if (odd !== undefined) return { refused: ODD[odd](shown) };
    if (subfolder === undefined) return {};
    const { syncs, destinations } = this.names;
    if (syncs.includes(subfolder)) return { sync: subfolder };
    if (destinations.includes(subfolder)) return { to: subfolder };
    const hint = didYouMean(subfolder, [...this.subfolders, ...destinations]);
    return {
      refused: `There is no sync or destination "${subfolder}".${hint} Drop the file into ${this.choice()}.`,
    };
  }

  /** The sentence of a refusal, for who has dropped a file instead of writing a command. */
  explain({ code, message }: RowferryError): string {
    if (message.includes('--map ')) {
      return `${message} A dropped file has no flags: rename the column, or drop the file into inbox/<sync>/ of a sync that has a map.`;
    }
    if (code !== 'DESTINATION_NOT_CHOSEN' || this.subfolders.length === 0) return message;
    return `It is not said where the file goes: several destinations have credentials. Drop it into ${this.choice()}.`;
  }

  private choice(): string {
    return this.subfolders.map((name) => `inbox/${name}/`).join(' or ') || 'inbox/';
  }
}

const ODD = {
  link: (name: string) => `${name} is a link, which is not followed; drop the file itself.`,
  'no file': (name: string) => `${name} is not a regular file.`,
  empty: (name: string) => `${name} is empty (0 bytes).`,
};
