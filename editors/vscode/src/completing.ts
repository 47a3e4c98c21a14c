// Between VS Code's inline suggestions and the server: nothing is asked while the user has switched
// suggestions off here, and the server hears what is shown and what part of it is accepted.

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { ShownSuggestion } from './suggestion';

type Notify = (method: string, params: object) => void;

export class Completing {
  private shown: ShownSuggestion | undefined;
  /** Whether the last change may have been a part accepted as well as a key. */
  private isLastUnclear = false;

  constructor(
    private readonly isAsleep: () => boolean,
    private readonly noteAsked: (document: vscode.TextDocument, position: vscode.Position) => void,
    private readonly noteAnswered: () => void,
    private readonly notify: Notify,
  ) {}

  readonly middleware: Middleware = {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      const isByHand = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
      if (this.isAsleep() && !isByHand) {
        return undefined;
      }
      this.noteAsked(document, position);
      const version = document.version;
      const answer = await next(document, position, context, token);
      this.noteAnswered();
      if (answer && !token.isCancellationRequested && document.version === version) {
        const [first] = Array.isArray(answer) ? answer : answer.items;
        if (first) {
          this.noteShown(document, position, first);
        }
      }
      return answer;
    },
  };

  noteChange(event: vscode.TextDocumentChangeEvent): void {
    const shown = this.shown;
    if (shown?.uri !== event.document.uri.toString() || event.contentChanges.length === 0) {
      return;
    }
    const [change] = event.contentChanges;
    const progress =
      change && event.contentChanges.length === 1
        ? shown.follow({
            offset: change.rangeOffset,
            removed: change.rangeLength,
            inserted: change.text,
          })
        : 'elsewhere';
    this.isLastUnclear = progress === 'typed';
    if (progress === 'partlyAccepted') {
      this.tellAccepted(shown);
    } else if (progress === 'elsewhere' || progress === 'whole') {
      this.shown = undefined; // VS Code runs the item's command where the whole was accepted
    }
  }

  /** A key that accepts a part has been pressed: a part of one character looks like typing. */
  noteAcceptedByKey(): void {
    if (this.shown && this.isLastUnclear) {
      this.isLastUnclear = false;
      this.tellAccepted(this.shown);
    }
  }

  private tellAccepted(shown: ShownSuggestion): void {
    this.notify('textDocument/didPartiallyAcceptCompletion', {
      item: { insertText: shown.itemText },
      acceptedLength: shown.acceptedLength,
    });
  }

  private noteShown(
    document: vscode.TextDocument,
    position: vscode.Position,
    item: vscode.InlineCompletionItem,
  ): void {
    const itemText = typeof item.insertText === 'string' ? item.insertText : item.insertText.value;
    const replaced = item.range ? document.getText(item.range) : '';
    // With the suggest widget open the item begins with the selected entry, of which a part is
    // there already.
    const skipped = itemText.startsWith(replaced) ? replaced.length : 0;
    const text = itemText.slice(skipped).replace(/\r\n?/g, '\n');
    const uri = document.uri.toString();
    const offset = document.offsetAt(position);
    if (this.shown?.saysTheSame(uri, offset, text)) {
      return; // the rest of what is on the screen: it has been counted
    }
    this.shown = new ShownSuggestion(uri, offset, text, itemText, skipped);
    this.notify('textDocument/didShowCompletion', { item: { insertText: itemText } });
  }
}
