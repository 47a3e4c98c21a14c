// What the user can switch: suggestions as a whole, for a language, and for a while.

import * as vscode from 'vscode';

type PerLanguage = Record<string, Record<string, unknown>>;

export class Switches implements vscode.Disposable {
  snoozedUntil: number | undefined;

  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;

  get isAsleep(): boolean {
    return this.snoozedUntil !== undefined;
  }

  get isEnabled(): boolean {
    return settings().get('enabled', true);
  }

  isEnabledFor(language: string): boolean {
    const own = settings().get<PerLanguage>('languages', {})[language]?.['enabled'];
    return typeof own === 'boolean' ? own : this.isEnabled;
  }

  async toggle(): Promise<void> {
    await update('enabled', !this.isEnabled);
  }

  async toggleFor(language: string): Promise<void> {
    const enabled = !this.isEnabledFor(language);
    const { workspaceValue, globalValue } = settings().inspect<PerLanguage>('languages') ?? {};
    const all = { ...(workspaceValue ?? globalValue) };
    const own = { ...all[language] };
    // What is so for all languages is not set for one: it would outlive the switch for all. In a
    // workspace it is, for the user's settings may say otherwise.
    if (enabled === this.isEnabled && workspaceValue === undefined) {
      delete own['enabled'];
    } else {
      own['enabled'] = enabled;
    }
    all[language] = own;
    if (Object.keys(own).length === 0) {
      delete all[language];
    }
    await update('languages', all);
  }

  /** Ask for nothing by itself for so many minutes; 0 wakes up again. */
  snooze(minutes: number): void {
    clearTimeout(this.timer);
    this.snoozedUntil = minutes > 0 ? Date.now() + minutes * 60_000 : undefined;
    if (minutes > 0) {
      this.timer = setTimeout(() => this.snooze(0), minutes * 60_000);
    }
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
  }
}

function settings(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('tabwright');
}

/** Change a setting where it holds: in the workspace when that has its own value. */
async function update(name: string, value: unknown): Promise<void> {
  const isOfWorkspace = settings().inspect(name)?.workspaceValue !== undefined;
  const target = isOfWorkspace
    ? vscode.ConfigurationTarget.Workspace
    : vscode.ConfigurationTarget.Global;
  await settings().update(name, value, target);
  // What is on the screen was asked for before.
  await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
}
