// The item in the status bar.

import * as vscode from 'vscode';
import type { Server } from './server';
import { shownState } from './state';
import type { Switches } from './switches';

export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly disposables: vscode.Disposable[];
  private drawn = '';

  constructor(
    private readonly server: Server,
    private readonly switches: Switches,
  ) {
    this.item = vscode.window.createStatusBarItem('status', vscode.StatusBarAlignment.Right, 100);
    this.item.name = 'Tabwright';
    this.item.command = 'tabwright.menu';
    const draw = (): void => this.draw();
    this.disposables = [
      this.item,
      server.onChange(draw),
      switches.onChange(draw),
      vscode.window.onDidChangeActiveTextEditor(draw),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('tabwright')) {
          this.draw();
        }
      }),
    ];
    this.draw();
    this.item.show();
  }

  dispose(): void {
    for (const each of this.disposables) {
      each.dispose();
    }
  }

  private draw(): void {
    const language = vscode.window.activeTextEditor?.document.languageId ?? '';
    const { server, switches } = this;
    const shown = shownState({
      life: server.life,
      problem: server.problem,
      status: server.status,
      explanation: server.explanation,
      lastLatency: server.lastLatency,
      isEnabled: switches.isEnabled,
      isEnabledHere: language === '' ? switches.isEnabled : switches.isEnabledFor(language),
      snoozedUntil: switches.snoozedUntil,
      language,
    });
    const drawn = JSON.stringify(shown);
    if (drawn === this.drawn) {
      return; // each drawing goes to another process, at every key
    }
    this.drawn = drawn;
    this.item.text = shown.text;
    this.item.tooltip = new vscode.MarkdownString(shown.lines.join('\n\n'));
    this.item.accessibilityInformation = {
      label: shown.lines.join(' ').replace(/[*`]/g, ''),
      role: 'button',
    };
    this.item.backgroundColor =
      shown.emphasis === 'none'
        ? undefined
        : new vscode.ThemeColor(`statusBarItem.${shown.emphasis}Background`);
  }
}
