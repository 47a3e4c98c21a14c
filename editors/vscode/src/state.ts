// What the status bar says, from what is known. No VS Code in here.

/** The server's `didChangeStatus`. */
export interface ServerStatus {
  busy: boolean;
  kind: 'Normal' | 'Warning' | 'Error' | 'Inactive';
  message: string;
}

/** The answer of `tabwright.explain`. */
export interface Explanation {
  reason: string;
  message: string;
  language?: string;
  model?: string;
  milliseconds?: number;
  promptTokens?: number;
  reusedTokens?: number;
  evaluatedTokens?: number;
  /** Of which other files the model was shown something, and why. */
  shownFiles?: { path: string; reasons: string[] }[];
  [more: string]: unknown;
}

export type Life = 'missing' | 'starting' | 'running' | 'stopped' | 'failed';

export interface State {
  life: Life;
  /** Why it is not running, for the user. */
  problem: string;
  status: ServerStatus | undefined;
  explanation: Explanation | undefined;
  /** The last answer that brought a suggestion, in milliseconds. */
  lastLatency: number | undefined;
  isEnabled: boolean;
  /** The same for the language of the document at the front, which may have its own setting. */
  isEnabledHere: boolean;
  /** When suggestions come back, in milliseconds since 1970. */
  snoozedUntil: number | undefined;
  /** The language of the document at the front, empty when there is none. */
  language: string;
}

export interface Shown {
  text: string;
  /** Markdown, one paragraph each. */
  lines: string[];
  emphasis: 'none' | 'warning' | 'error';
}

export function shownState(state: State): Shown {
  const { icon, summary, emphasis } = summarised(state);
  const lines = [`**Tabwright**: ${summary}`];
  const facts = factsOf(state);
  if (facts.length > 0) {
    lines.push(facts.join(' · '));
  }
  const why = state.life === 'running' && state.explanation && emptyReason(state.explanation);
  if (why && why !== summary) {
    lines.push(`Nothing the last time: ${why}`);
  }
  return { text: `$(${icon}) Tabwright`, lines, emphasis };
}

interface Summary {
  icon: string;
  summary: string;
  emphasis: Shown['emphasis'];
}

function summarised(state: State): Summary {
  switch (state.life) {
    case 'missing':
      return { icon: 'warning', summary: state.problem, emphasis: 'warning' };
    case 'failed':
      return { icon: 'error', summary: state.problem, emphasis: 'error' };
    case 'stopped':
      return { icon: 'circle-slash', summary: 'stopped.', emphasis: 'none' };
    case 'starting':
      return { icon: 'loading~spin', summary: 'starting.', emphasis: 'none' };
    case 'running':
      return summarisedRunning(state);
  }
}

function summarisedRunning(state: State): Summary {
  if (!state.isEnabledHere) {
    const where = state.isEnabled ? ` for ${state.language}` : '';
    return { icon: 'circle-slash', summary: `switched off${where}.`, emphasis: 'none' };
  }
  if (state.snoozedUntil !== undefined) {
    const until = new Date(state.snoozedUntil).toTimeString().slice(0, 5);
    return { icon: 'bell-slash', summary: `snoozing until ${until}.`, emphasis: 'none' };
  }
  const { status } = state;
  const why = state.explanation && emptyReason(state.explanation);
  const message = status?.message || why || 'ready.';
  switch (status?.kind) {
    case 'Error':
      return { icon: 'error', summary: message, emphasis: 'error' };
    case 'Warning':
      return { icon: 'warning', summary: message, emphasis: status.busy ? 'none' : 'warning' };
    case 'Inactive':
      return { icon: 'circle-slash', summary: message, emphasis: 'none' };
  }
  if (status?.busy) {
    return { icon: 'loading~spin', summary: message, emphasis: 'none' };
  }
  return { icon: why === undefined ? 'sparkle' : 'dash', summary: message, emphasis: 'none' };
}

function factsOf(state: State): string[] {
  const facts: string[] = [];
  if (state.language !== '') {
    facts.push(state.language);
  }
  if (state.explanation?.model) {
    facts.push(state.explanation.model);
  }
  if (state.lastLatency !== undefined) {
    facts.push(`last suggestion in ${state.lastLatency} ms`);
  }
  return facts;
}

/** Why the last answer was empty; undefined when it was not. */
export function emptyReason(explanation: Explanation): string | undefined {
  const isNone = explanation.reason !== 'shown' && explanation.reason !== 'not_asked';
  return isNone ? explanation.message : undefined;
}

/** The context that the last answer was made from, as Markdown. */
export function contextReport(explanation: Explanation): string {
  const { shownFiles, ...others } = explanation;
  const rows = Object.entries(others)
    .filter(([name, value]) => name !== 'message' && !isStructured(value))
    .map(([name, value]) => `- ${words(name)}: ${String(value)}`);
  const structured = Object.entries(others)
    .filter(([, value]) => isStructured(value))
    .map(([name, value]) => `## ${words(name)}\n\n${listed(value)}`);
  return [
    '# The last suggestion of Tabwright',
    explanation.message,
    rows.join('\n'),
    ...(shownFiles ? [`## Code from other files\n\n${files(shownFiles)}`] : []),
    ...structured,
    '',
  ].join('\n\n');
}

function files(shown: { path: string; reasons: string[] }[]): string {
  if (shown.length === 0) {
    return 'None was shown to the model: it is no better for it, nothing fits here, or the settings say so.';
  }
  return shown.map(({ path, reasons }) => `- \`${path}\`: ${reasons.join(', ')}`).join('\n');
}

function isStructured(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function listed(value: unknown): string {
  const entries: unknown[] = Array.isArray(value)
    ? value
    : Object.entries(value as object).map((pair) => pair.join(': '));
  return entries
    .map((each) => `- ${typeof each === 'string' ? each : JSON.stringify(each)}`)
    .join('\n');
}

function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
