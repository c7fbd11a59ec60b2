"""Colours of all figures: one a meaning, the same in every study."""

RED, BLUE, YELLOW, GREEN, PURPLE = "#c8553d", "#1f6f8b", "#e3a857", "#5b8c5a", "#8d6a9f"
TEAL, DARK_GREEN = "#5fb49c", "#2d5a3d"
BLACK, DARK_GREY, GREY, LIGHT_GREY = "#333333", "#6c757d", "#9a9a9a", "#adb5bd"
LIGHT_BLUE, LIGHT_RED = "#8fbccb", "#e39b84"

#: Where the weights of a chip come from.
ARMS = {
    "pretrained": RED,
    "pretrained_scaled": YELLOW,
    "transfer": PURPLE,
    "learned": BLUE,
    "homeostatic": GREEN,
    "homeostatic_fine": DARK_GREEN,
    "homeostatic_scaled": LIGHT_BLUE,
    "oracle": LIGHT_GREY,
    "pretrained_learned": TEAL,
    "random": GREY,
    "uncoupled": BLACK,
}
#: Zones of the comparators.
ZONES = {"count down": "#f3d9c9", "hold": "#e9ecef", "count up": "#d5e8d4"}
