"""The child's side by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_it_ends_by_itself_although_it_spins_in_c_and_nobody_stops_it(tmp_path: Path) -> None:
    # this expression backtracks for years, and holds the interpreter's lock meanwhile
    (tmp_path / "spinning.py").write_text("import re\ndef spin(spec):\n    re.match('(a+)+$', 'a' * 60 + 'b')\n")
    code = "from neuroguide._core.processes.worker import main; main()"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        settings = {"threads": 1, "memory_limit": None}
        # the seconds beyond a limit that a parent has to stop it itself are 15
        task = {"id": 1, "function": "spinning:spin", "spec": {}, "time_limit": -14}
        child.stdin.write(json.dumps(settings) + "\n" + json.dumps(task) + "\n")
        child.stdin.flush()
        try:
            assert child.wait(60) == 1
        finally:
            child.kill()
