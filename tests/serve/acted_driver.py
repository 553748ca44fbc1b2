"""Acts as the process that speaks with a cluster: what becomes of a task is in its prompt.

    [0, ..]  proved at once, after a word of progress
    [1]      never ends
    [2]      fails, and another attempt may end otherwise
    [3]      the cluster is lost, with words
    [4]      this process is killed

A model that is called "none" cannot be opened.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main(descriptor: int) -> None:
    connection = socket.socket(fileno=descriptor)

    def say(**message: object) -> None:
        connection.sendall(json.dumps(message).encode() + b"\n")

    busy = 0
    for line in connection.makefile("rb"):
        order = json.loads(line)
        if "open" in order:
            if order["open"][0]["name"] == "none":
                say(failed="no Ray answers at nowhere", again=True)
                return
            say(progress=["keys", 0, 1])
            say(warning="far: no package")
        elif "drop" in order:
            busy -= 1
        else:
            busy += 1
        say(pool={"busy": busy, "idle": 2 - busy, "starting": 0, "refused": 1})
        if "open" in order:
            say(done={"m": {"ray": order["ray"]}})
        elif "prove" in order:
            task, what = order["task"], order["prove"]["prompt"][0]
            say(task=task, progress=["trace", 0, 1])
            if what == 0:
                busy -= 1
                say(pool={"busy": busy, "idle": 2 - busy, "starting": 0, "refused": 1})
                say(task=task, done={"prompt": order["prove"]["prompt"]})
            elif what == 2:
                say(task=task, failed="its process was killed", again=True)
            elif what == 3:
                say(failed="no process starts", again=True)
                return
            elif what == 4:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
