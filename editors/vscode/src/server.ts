// One server for this window: starting it, asking it, and outliving its end.

import * as os from 'node:os';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  type ErrorHandler,
  ExecuteCommandRequest,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
} from 'vscode-languageclient/node';
import { type Found, findTabwright, isExecutable, type Machine } from './finding';
import { activePython } from './python';
import { Restarts } from './restarts';
import type { Explanation, Life, ServerStatus } from './state';

/** Settings of this extension's own, which the server does not know. */
const OWN_SETTINGS = ['path', 'installFrom', 'logLevel', 'trace'];

/** The documents that the server is told of; it decides what to do about each. */
export const SELECTOR = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme }));

// How long nothing must be answered before the server is asked what came of the last request.
const SETTLE_MILLISECONDS = 300;

/** A client that never opens a window by itself: what it has to say is in the log and the status. */
class QuietClient extends LanguageClient {
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

export class Server implements vscode.Disposable {
  life: Life = 'stopped';
  problem = '';
  found: Found | undefined;
  status: ServerStatus | undefined;
  explanation: Explanation | undefined;
  lastLatency: number | undefined;

  private client: LanguageClient | undefined;
  private readonly restarts = new Restarts();
  private readonly changed = new vscode.EventEmitter<void>();
  private settling: NodeJS.Timeout | undefined;
  private turn: Promise<void> = Promise.resolve();

  /** The life or the status has changed. */
  readonly onChange = this.changed.event;

  constructor(
    readonly log: vscode.LogOutputChannel,
    private readonly ownEnvironment: string,
    private readonly middleware: Middleware,
  ) {}

  get isRunning(): boolean {
    return this.client?.isRunning() ?? false;
  }

  /** The names of the commands that the server has. */
  get commands(): string[] {
    return this.client?.initializeResult?.capabilities.executeCommandProvider?.commands ?? [];
  }

  /** Find the command and start it; what goes wrong is in `life` and `problem`. */
  start(): Promise<void> {
    return this.inTurn(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  /** Stop the server and start it again, also after it gave up. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      this.restarts.forget();
      await this.stopNow();
      await this.startNow();
    });
  }

  /** Run a command of the server; undefined when there is none to run it. */
  async execute<Answer>(command: string, ...args: unknown[]): Promise<Answer | undefined> {
    if (!this.client?.isRunning()) {
      return undefined;
    }
    const params = { command, arguments: args };
    return (await this.client.sendRequest(ExecuteCommandRequest.type, params)) as Answer;
  }

  notify(method: string, params: object): void {
    if (this.client?.isRunning()) {
      this.client.sendNotification(method, params).catch((problem: unknown) => {
        this.log.debug(`${method} was not sent: ${String(problem)}`);
      });
    }
  }

  /** Ask what came of the last request. */
  async explain(): Promise<Explanation | undefined> {
    this.explanation = await this.execute<Explanation>('tabwright.explain');
    if (this.explanation?.reason === 'shown') {
      this.lastLatency = this.explanation.milliseconds;
    }
    this.changed.fire();
    return this.explanation;
  }

  /** Settings have changed: what was said of them before need not be so any more. */
  forgetOutcome(): void {
    this.explanation = undefined;
    if (this.status?.kind === 'Inactive') {
      this.status = undefined;
    }
    this.changed.fire();
  }

  /** Ask what came of the last request, once no other has come for a moment. */
  explainSoon(): void {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.explain().catch((problem: unknown) => {
        this.log.debug(`No explanation: ${String(problem)}`);
      });
    }, SETTLE_MILLISECONDS);
  }

  dispose(): Promise<void> {
    clearTimeout(this.settling);
    return this.stop();
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work, work);
    return this.turn;
  }

  private async startNow(): Promise<void> {
    if (this.client) {
      return;
    }
    const setting = vscode.workspace.getConfiguration('tabwright').get('path', '');
    this.setLife('starting');
    this.found = await findTabwright(
      thisMachine(),
      { setting, ownEnvironment: this.ownEnvironment },
      () => activePython(this.log),
    );
    if (!this.found) {
      const problem = setting
        ? `the setting tabwright.path names no program: ${setting}`
        : 'the `tabwright` command was not found. Click to install it.';
      this.log.warn(problem);
      this.setLife('missing', problem);
      return;
    }
    this.log.info(`Starting ${this.found.command}, found by ${this.found.by}.`);
    const client = this.makeClient(this.found.command);
    this.client = client;
    try {
      await client.start();
    } catch (problem) {
      this.log.error(`The server did not start: ${String(problem)}`);
      this.client = undefined;
      await client.dispose().catch(() => undefined);
      this.setLife('failed', `\`${this.found.command} serve\` did not start; the log says why.`);
      return;
    }
    this.setLife('running');
  }

  private async stopNow(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.status = undefined;
    this.explanation = undefined;
    // One that has ended by itself cannot be stopped, and needs not.
    await client?.dispose().catch(() => undefined);
    this.setLife('stopped');
  }

  private makeClient(command: string): LanguageClient {
    const level = vscode.workspace.getConfiguration('tabwright').get('logLevel', 'warning');
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: this.errorHandler(),
      middleware: {
        ...this.middleware,
        workspace: {
          configuration: async (params, token, next) => {
            const answers = await next(params, token);
            return Array.isArray(answers) ? answers.map(withoutOwnSettings) : answers;
          },
        },
      },
    };
    const client = new QuietClient(
      'tabwright',
      'Tabwright',
      { command, args: ['serve', '--log-level', level] },
      options,
    );
    client.onNotification('didChangeStatus', (status: ServerStatus) => {
      this.takeStatus(status);
    });
    return client;
  }

  private errorHandler(): ErrorHandler {
    return {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        if (this.restarts.mayStartAgain(Date.now())) {
          this.log.warn('The server ended; it is started again.');
          this.setLife('starting');
          void this.noteRestarted();
          return { action: CloseAction.Restart, handled: true };
        }
        this.log.error('The server ended too often; it stays down until it is restarted by hand.');
        this.client = undefined;
        this.setLife('failed', 'the server ended too often. Click to restart it.');
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  // The client starts itself again, and says so with its state only.
  private async noteRestarted(): Promise<void> {
    const client = this.client;
    for (let waited = 0; waited < 300 && client === this.client; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (client?.isRunning()) {
        this.setLife('running');
        return;
      }
    }
  }

  private takeStatus(status: ServerStatus): void {
    this.status = status;
    this.changed.fire();
  }

  private setLife(life: Life, problem = ''): void {
    this.life = life;
    this.problem = problem;
    this.changed.fire();
  }
}

function thisMachine(): Machine {
  return { platform: process.platform, env: process.env, home: os.homedir(), isExecutable };
}

function withoutOwnSettings(values: unknown): unknown {
  if (typeof values !== 'object' || values === null) {
    return values;
  }
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => !OWN_SETTINGS.includes(name)),
  );
}
