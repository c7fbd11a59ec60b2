"""The learning circuit alone: the two experiments of the paper's section IV, in closed loop."""
