// The suggestion on the screen, followed through the edits of its document: the stable API of
// VS Code says neither what is shown nor what part of it was accepted. No VS Code in here.

/** One change of a text: `removed` UTF-16 units at `offset` gave way to `inserted`. */
export interface Change {
  offset: number;
  removed: number;
  inserted: string;
}

export type Progress = 'elsewhere' | 'typed' | 'partlyAccepted' | 'whole';

// What an editor types by itself behind an opening bracket or quote.
const TYPED_PAIRS = new Set(['()', '[]', '{}', '""', "''", '``', '<>']);

export class ShownSuggestion {
  /** How much of the text is in the document by now, in UTF-16 units of the text. */
  private taken = 0;
  private place: number;

  /**
   * `text` is what the item adds at `offset` of the document, `skipped` how much of the item's
   * own text was in the document already.
   */
  constructor(
    readonly uri: string,
    offset: number,
    readonly text: string,
    readonly itemText: string,
    readonly skipped: number,
  ) {
    this.place = offset;
  }

  /** How much of the item's text is in the document, as the protocol counts it. */
  get acceptedLength(): number {
    return this.skipped + this.taken;
  }

  /** What is still to be inserted, lines parted by \n. */
  get rest(): string {
    return this.text.slice(this.taken);
  }

  /** Whether an answer for `offset` says no more than what is on the screen. */
  saysTheSame(uri: string, offset: number, text: string): boolean {
    return uri === this.uri && offset === this.place && text === this.rest;
  }

  follow(change: Change): Progress {
    const inserted = change.inserted.replace(/\r\n?/g, '\n');
    if (change.removed > 0 && inserted === '') {
      return this.takeBack(change);
    }
    const isNext = change.removed === 0 && change.offset === this.place && inserted !== '';
    if (!isNext || !this.rest.startsWith(inserted)) {
      return 'elsewhere';
    }
    this.taken += inserted.length;
    this.place += change.inserted.length;
    if (this.rest === '') {
      return 'whole';
    }
    const isTyped = inserted.length === 1 || TYPED_PAIRS.has(inserted);
    return isTyped ? 'typed' : 'partlyAccepted';
  }

  private takeBack(change: Change): Progress {
    const isBehind = change.offset + change.removed === this.place;
    // A line's end takes two units in some documents: there one starts anew.
    if (!isBehind || change.removed > this.taken || this.text.slice(0, this.taken).includes('\n')) {
      return 'elsewhere';
    }
    this.taken -= change.removed;
    this.place = change.offset;
    return 'typed';
  }
}
