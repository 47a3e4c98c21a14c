// The language client, set up to open no window by itself: what it has to say is in the log and in
// the status. This module alone loads the library.

import type { ChildProcess } from 'node:child_process';
import type { LogOutputChannel } from 'vscode';
import {
  CloseAction,
  ErrorAction,
  type ErrorHandler,
  LanguageClient,
  type Middleware,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
  type TextDocumentFilter,
} from 'vscode-languageclient/node';

/** Settings of this extension's own, which the server does not know. */
const OWN_SETTINGS = ['path', 'installFrom', 'logLevel', 'trace'];

/** Declares that the server may tell of its status: it sends `didChangeStatus` to nobody else. */
const SHOWS_STATUS: StaticFeature = {
  fillClientCapabilities: (capabilities) => {
    capabilities.experimental = Object.assign({}, capabilities.experimental, {
      didChangeStatus: true,
    });
  },
  initialize: () => undefined,
  getState: () => ({ kind: 'static' }),
  clear: () => undefined,
};

export { State };

export class QuietClient extends LanguageClient {
  constructor(
    server: () => Promise<ChildProcess>,
    documentSelector: TextDocumentFilter[],
    log: LogOutputChannel,
    middleware: Middleware,
    mayStartAgain: () => boolean,
  ) {
    super('tabwright', 'Tabwright', server, {
      documentSelector,
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: errorHandler(mayStartAgain),
      middleware: {
        ...middleware,
        workspace: {
          configuration: async (params, token, next) => {
            const answers = await next(params, token);
            return Array.isArray(answers) ? answers.map(withoutOwnSettings) : answers;
          },
        },
      },
    });
    this.registerFeature(SHOWS_STATUS);
  }

  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }

  override warn(message: string, data?: unknown): void {
    super.warn(message, data, false);
  }

  override info(message: string, data?: unknown): void {
    super.info(message, data, false);
  }
}

function errorHandler(mayStartAgain: () => boolean): ErrorHandler {
  return {
    error: () => ({ action: ErrorAction.Continue, handled: true }),
    closed: () => ({
      action: mayStartAgain() ? CloseAction.Restart : CloseAction.DoNotRestart,
      handled: true,
    }),
  };
}

function withoutOwnSettings(values: unknown): unknown {
  if (typeof values !== 'object' || values === null) {
    return values;
  }
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => !OWN_SETTINGS.includes(name)),
  );
}
