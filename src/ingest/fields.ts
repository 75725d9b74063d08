/** The fields of a destination by the names that headers and rules give them. */
import type { Destination, FieldKind } from '../destinations/destination.js';

/** Where a value goes. */
export interface Target {
  /** As in `map`, e.g. `email`, `billing.email`, `custom_fields.plan`. */
  field: string;
  /** The same as properties of the contact. */
  path: readonly string[];
  /** Of a name inside an object field: `text`. */
  kind: FieldKind;
  /** False for a name inside an object field, whose meaning nobody knows. */
  own: boolean;
}

export class Fields {
  private readonly byPlainName = new Map<string, string>();
  private readonly objects = new Map<string, string>();

  constructor(readonly destination: Destination) {
    const { fields, aliases } = destination;
    for (const field of Object.keys(fields)) {
      this.byPlainName.set(plain(field), field);
      if (fields[field] === 'object') this.objects.set(plain(field), field);
    }
    for (const [alias, field] of Object.entries(aliases)) {
      if (!this.byPlainName.has(plain(alias))) this.byPlainName.set(plain(alias), field);
    }
  }

  /** The field that a header means by its own name or an alias; objects are filled by dotted headers only. */
  meant(header: string): Target | undefined {
    const field = this.byPlainName.get(plain(header));
    return field === undefined || this.destination.fields[field] === 'object'
      ? undefined
      : this.declared(field);
  }

  /** The field that a rule names. */
  named(field: string): Target | undefined {
    return this.declared(field) ?? this.inside(field) ?? this.free(field);
  }

  /** `custom_fields.plan` and `custom_fields[plan]`: the name `plan` inside the object field `custom_fields`. */
  inside(header: string): Target | undefined {
    const dotted = /^[^[\]]+(\[[^[\]]+\])+$/.test(header) ? header.replace(/\[([^\]]+)\]/g, '.$1') : header;
    for (let dot = dotted.lastIndexOf('.'); dot > 0; dot = dotted.lastIndexOf('.', dot - 1)) {
      const object = this.objects.get(plain(dotted.slice(0, dot)));
      const name = dotted.slice(dot + 1).trim();
      if (object !== undefined && name !== '') return within(object, name);
    }
    return undefined;
  }

  /** Where a column goes that nobody knows; undefined when the API takes none. */
  unknown(header: string): Target | undefined {
    const place = this.destination.unmapped;
    if (place === null) return undefined;
    return place === 'contact' ? this.free(header) : within(place, header);
  }

  list(): string {
    const names = Object.entries(this.destination.fields).map(([name, kind]) =>
      kind === 'object' ? `${name}.<name>` : name,
    );
    return names.join(', ');
  }

  /** Those that a value may fill as they are. */
  names(): string[] {
    const { fields } = this.destination;
    return Object.keys(fields).filter((name) => fields[name] !== 'object');
  }

  private declared(field: string): Target | undefined {
    const kind = Object.hasOwn(this.destination.fields, field) ? this.destination.fields[field] : undefined;
    return kind === undefined ? undefined : { field, path: field.split('.'), kind, own: true };
  }

  /** For an API that takes fields of any name: dots make objects where they look like it. */
  private free(field: string): Target | undefined {
    if (this.destination.unmapped !== 'contact') return undefined;
    return { field, path: /^\w+(\.\w+)+$/.test(field) ? field.split('.') : [field], kind: 'text', own: true };
  }
}

/** Places inside a contact that are filled, so that no value comes to stand where another has an object. */
export class Places {
  private readonly filled = new Set<string>();
  private readonly above = new Set<string>();

  add(path: readonly string[]): void {
    this.filled.add(key(path));
    for (let length = 1; length < path.length; length++) this.above.add(key(path.slice(0, length)));
  }

  /** Whether something is filled at `path`, above it, or inside it. */
  clash(path: readonly string[]): boolean {
    return this.above.has(key(path)) || path.some((_, i) => this.filled.has(key(path.slice(0, i + 1))));
  }
}

const key = (path: readonly string[]) => JSON.stringify(path);

function within(object: string, name: string): Target {
  return { field: `${object}.${name}`, path: [...object.split('.'), name], kind: 'text', own: false };
}

/** Header names are compared without case, spaces and punctuation: `E-mail` is `email`. */
export function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}
