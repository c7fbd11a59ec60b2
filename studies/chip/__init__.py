"""Do whole chips of DPI neurons learn, and do they come out right?"""
