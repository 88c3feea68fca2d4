"""Test that the benchmark of ``act`` runs on the shipped plays, and a small round reports its three figures."""

from __future__ import annotations

import pytest

from benchmarks import acting


def test_a_small_round_says_each_figure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["acting", "--changes", "60", "--customers", "60", "--previewed", "60"])
    acting.main()
    printed = capsys.readouterr().out
    assert (
        "decided: 60 changes" in printed
        and "restored: 60 customers" in printed
        and "previewed: 60 customers" in printed
    )
