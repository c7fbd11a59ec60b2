"""Networks that are trained to follow signals, and their chips: what such studies share."""
