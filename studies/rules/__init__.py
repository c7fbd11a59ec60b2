"""Which rule learns the balanced code best, and what does it cost?"""
