/** Reads request bodies whole, up to a limit. */
import type { IncomingMessage } from 'node:http';

/**
 * Calls `done` with the body as text ('' if there is none), or with undefined when it exceeds `maxBytes`.
 * A body that is too large is still read to its end, then forgotten: a client that is cut off while sending would see
 * a broken connection instead of the answer. If the client goes away, `done` is not called.
 */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  done: (text: string | undefined) => void,
): void {
  let pieces: Buffer[] = [];
  let bytes = 0;
  req.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxBytes) pieces.push(piece);
    else pieces = [];
  });
  req.on('end', () => {
    if (bytes > maxBytes) done(undefined);
    else done((pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)).toString());
  });
}
