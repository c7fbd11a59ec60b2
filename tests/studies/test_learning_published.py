"""The paper's own case: its numbers as read from the figure's data, and ours beside them."""

import json

import pytest
from learning_helpers import KEYS, STAGES, run
from study_helpers import FIGURE1, needs_figure1

from studies.learning import published


@needs_figure1
class TestPublished:
    def test_published_numbers(self):
        """As read from the figure's data: distance, the figure's own error, spikes in a second."""
        numbers = published.load(FIGURE1)["numbers"]
        assert numbers["distance_learned"] == pytest.approx(0.067, abs=5e-4)
        assert numbers["distance_initial"] == pytest.approx(1.0, abs=5e-4)
        assert numbers["error_learned"] == pytest.approx(0.208, abs=5e-4)
        assert [numbers[f"spikes_{stage}"] for stage in STAGES] == [1268, 113, 158]

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", [1, 2])
    def test_all_three_numbers_are_better_than_published(self, tmp_path, seed):
        result = run("--published", FIGURE1, "--seed", seed, "--out", tmp_path)
        assert result.exit_code == 0, result.output
        summary = json.loads((tmp_path / "summary.json").read_text())
        assert set(summary) >= KEYS
        for name, bound in (("distance", 0.067), ("error", 0.208), ("spikes", 158)):
            assert summary[f"{name}_learned"] < bound
            assert summary[f"{name}_learned"] < summary[f"published_{name}_learned"] * 1.001
            assert name in result.output
