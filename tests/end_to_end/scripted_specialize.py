"""`tabwright specialize` without a training: progress, and an end when the test has seen it.

`scripted_server.py` has its server start it. Its options are written as JSON to the file
`SCRIPTED_SPECIALIZE`; it ends when the file beside it with `.end` added is there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def stop(*_: object) -> None:
    say(kind="interrupted", message="Stopped; asked for again, it goes on where it was.")
    sys.exit(130)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    asked = Path(os.environ["SCRIPTED_SPECIALIZE"])
    say(kind="progress", fraction=0.25, message="step 5 of 20")
    asked.write_text(json.dumps(sys.argv[1:]), encoding="utf-8")
    end = Path(f"{asked}.end")
    while not end.exists():
        time.sleep(0.05)
    say(kind="finished", installed=True, message="Installed; it got 3 of 10 more right.")


if __name__ == "__main__":
    main()
