"""Brian2's own standalone tests pass on the fused device."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import brian2_suite
import pytest

#: Those that fail on cpp_standalone too.
FAIL_ON_BOTH: set[str] = set()


@pytest.mark.slow
def test_brian2s_own_tests_pass(tmp_path):
    """A part of them, all with BRIAN2_TESTS=all (`make test-brian2`)."""
    everything = os.environ.get("BRIAN2_TESTS") == "all"
    command = [sys.executable, brian2_suite.__file__, str(tmp_path), *["all"] * everything]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    passed, failed = set(), {}
    for phase in brian2_suite.PHASES:
        report = Path(tmp_path, f"{phase}.xml")
        assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
        for case in ElementTree.parse(report).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            wrong = [e for e in case if e.tag in ("failure", "error")]
            if wrong:
                failed[name] = wrong[0].text
            elif case.find("skipped") is None:
                passed.add(name)
    unexpected = failed.keys() - FAIL_ON_BOTH
    assert not unexpected, "\n".join(f"{name}\n{failed[name]}" for name in sorted(unexpected))
    assert len(passed) >= (245 if everything else 145)
