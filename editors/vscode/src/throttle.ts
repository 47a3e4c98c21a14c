// At most one call per interval, the last of several never lost. No VS Code in here.

export class Throttle {
  private timer: NodeJS.Timeout | undefined;
  private isWanted = false;

  /** `act` returns whether it did anything: only then the next call has to wait. */
  constructor(
    private readonly intervalMilliseconds: number,
    private readonly act: () => boolean,
  ) {}

  request(): void {
    if (this.timer) {
      this.isWanted = true;
    } else if (this.act()) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        if (this.isWanted) {
          this.isWanted = false;
          this.request();
        }
      }, this.intervalMilliseconds);
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
