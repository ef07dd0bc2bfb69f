"""Whatever a value of a result is, a report is made or refused in a line."""

import copy
import json
import math

import pytest

from regan_tf.report.page import make_report
from tests.report.made import halves, made_result, made_run

ODD = [None, "x", -1, 0.5, [], {}, math.nan, math.inf, 10**400]


def _leaves(value, at=()):
    if isinstance(value, dict):
        for key, x in value.items():
            yield (*at, key)
            yield from _leaves(x, (*at, key))


def _put(document, at, value):
    *folders, last = at
    for key in folders:
        document = document[key]
    document[last] = value


@pytest.mark.parametrize("odd", ODD, ids=lambda x: str(x)[:8])
def test_no_value_leads_to_a_traceback(tmp_path, odd):
    made_run(tmp_path / "a", halves(3.0, 4.0))
    path = made_result(tmp_path / "b.json", halves(3.0, 4.0), "--seed=1")
    with open(path, encoding="utf-8") as file:
        whole = json.load(file)
    made = 0
    for at in _leaves(whole):
        document = copy.deepcopy(whole)
        _put(document, at, odd)
        (tmp_path / "b.json").write_text(json.dumps(document))
        paths, out = [str(tmp_path / "a"), path], str(tmp_path / "out")
        sections, left_out = make_report(paths, out, (), figures=False)
        count = sum(len(g.runs) for x in sections for g in x.groups)
        assert count + len({x.source for x in left_out}) >= 2
        assert all("\n" not in x.reason for x in left_out)
        made += 1
    assert made > 50
