"""Can a network learn dynamics of its own, and on chips with mismatch?"""
