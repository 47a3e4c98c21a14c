// Telling the server where the cursor goes otherwise than by typing: then it reads the text there
// ahead of the first key. Typing needs no telling, for the server follows the edits, and a question
// names its place itself.

import * as vscode from 'vscode';
import { Throttle } from './throttle';

const INTERVAL_MILLISECONDS = 100;

interface Place {
  uri: string;
  version: number;
  position: vscode.Position;
}

export class Cursor implements vscode.Disposable {
  /** The last place that the server knows of. */
  private known: Place | undefined;
  private mustTell = false;
  private readonly throttle = new Throttle(INTERVAL_MILLISECONDS, () => this.tell());
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly selector: vscode.DocumentSelector,
    private readonly isAsleep: () => boolean,
    private readonly send: (document: vscode.TextDocument, position: vscode.Position) => void,
  ) {
    this.disposables = [
      this.throttle,
      vscode.window.onDidChangeTextEditorSelection((event) => this.noteSelection(event)),
      vscode.window.onDidChangeActiveTextEditor(() => this.noteArrived()),
      vscode.window.onDidChangeWindowState((state) => {
        if (state.focused) {
          this.noteArrived();
        }
      }),
    ];
  }

  /** The server has been asked about this place: no more to tell. */
  noteAsked(document: vscode.TextDocument, position: vscode.Position): void {
    this.known = { uri: document.uri.toString(), version: document.version, position };
    this.mustTell = false;
  }

  /** The place is told of even if it is known: the server may have put the model away since. */
  noteArrived(): void {
    this.mustTell = true;
    this.throttle.request();
  }

  dispose(): void {
    for (const each of this.disposables) {
      each.dispose();
    }
  }

  private noteSelection(event: vscode.TextEditorSelectionChangeEvent): void {
    if (event.textEditor !== vscode.window.activeTextEditor) {
      return;
    }
    const here = placeOf(event.textEditor);
    if (this.known?.uri === here.uri && this.known.version !== here.version) {
      this.known = here; // the text has changed: that was typing
    } else {
      this.throttle.request();
    }
  }

  private tell(): boolean {
    const editor = vscode.window.activeTextEditor;
    const mustTell = this.mustTell;
    this.mustTell = false;
    if (!editor || this.isAsleep() || !vscode.languages.match(this.selector, editor.document)) {
      return false;
    }
    const here = placeOf(editor);
    // Nobody is about to type while selecting.
    if (!editor.selection.isEmpty || (!mustTell && isSame(here, this.known))) {
      return false;
    }
    this.known = here;
    this.send(editor.document, here.position);
    return true;
  }
}

function placeOf(editor: vscode.TextEditor): Place {
  const { document } = editor;
  return {
    uri: document.uri.toString(),
    version: document.version,
    position: editor.selection.active,
  };
}

function isSame(one: Place, other: Place | undefined): boolean {
  return (
    one.uri === other?.uri &&
    one.version === other.version &&
    one.position.isEqual(other.position)
  );
}
